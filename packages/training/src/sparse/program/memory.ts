/** The memory of a {@link LayersRuntime}: where each array of a network is. */
import type { Region } from "../plan/region.ts";

export class Memory {
  readonly view: DataView;
  readonly floats: Float32Array;
  readonly #integers: Int32Array;
  readonly #addresses: ReadonlyMap<Region, number>;

  /** @param addresses of all that outlives a program */
  constructor(buffer: ArrayBuffer, addresses: ReadonlyMap<Region, number>) {
    this.view = new DataView(buffer);
    this.floats = new Float32Array(buffer);
    this.#integers = new Int32Array(buffer);
    this.#addresses = addresses;
  }

  addressOf(region: Region): number {
    const address = this.#addresses.get(region);
    if (address === undefined) throw new Error(`${region.bytes} bytes for ${region.purpose} have no address`);
    return address;
  }

  /** A view: what is written to it is in memory. */
  floatsOf(region: Region): Float32Array {
    const start = this.addressOf(region) / 4;
    return this.floats.subarray(start, start + region.bytes / 4);
  }

  integersOf(region: Region): Int32Array {
    const start = this.addressOf(region) / 4;
    return this.#integers.subarray(start, start + region.bytes / 4);
  }
}
