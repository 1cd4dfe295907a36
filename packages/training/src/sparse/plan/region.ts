/** Memory that programs need beside their tensors; program/placement.ts gives it an address. */

import type { Fixed } from "../model/fixed.ts";

/** What memory is for, in the account of it. */
export type Purpose = "activations" | "weights" | "optimiser" | "gradients" | "program";

export class Region {
  readonly purpose: Purpose;
  readonly bytes: number;
  /** What stands in it before the first step; absent: zeros, or whatever the program writes. */
  readonly initial: (() => Fixed<Uint32Array> | Float32Array) | undefined;
  /** Written and read within a step only, so that others may use the place outside its time. */
  readonly temporary: boolean;

  constructor(
    purpose: Purpose,
    bytes: number,
    options: { initial?: () => Fixed<Uint32Array> | Float32Array; temporary?: boolean } = {},
  ) {
    this.purpose = purpose;
    this.bytes = bytes;
    this.initial = options.initial;
    this.temporary = options.temporary ?? false;
    Object.freeze(this);
  }
}

/** A place inside a region. */
export class Place {
  readonly region: Region;
  readonly offset: number;

  constructor(region: Region, offset: number) {
    this.region = region;
    this.offset = offset;
    Object.freeze(this);
  }
}
