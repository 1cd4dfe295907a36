/** A direction of the parameters in memory: numbers where the parameters have theirs. */
import type { Weights } from "@phew/core";
import { Region } from "../lower/draft.ts";
import type { EntryList } from "../model/keptWeights.ts";
import type { Layer, Model } from "../model/model.ts";
import { setEntries, setUnits } from "../run/parameterTransfer.ts";
import type { UnitParameter } from "./parameters.ts";

export class Direction {
  readonly #layers = new Map<Layer, readonly EntryList[]>();
  readonly #units = new Map<UnitParameter, Region>();

  constructor({ layers, parameters, norms }: Model) {
    for (const layer of layers.values()) {
      const lists = layer.entryLists.map(({ entries, order }) => ({ entries: twin(entries), order }));
      this.#layers.set(layer, lists);
    }
    const ofNorms = [...norms.values()].flatMap(({ scale, shift }) => [scale, shift]);
    for (const parameter of [...parameters.values(), ...ofNorms])
      this.#units.set(parameter, twin(parameter.values));
  }

  /** Like the layer's entries, those of the way forward first, with the direction in place of the weights. */
  entries(layer: Layer): readonly Region[] {
    return this.#layers.get(layer)!.map(({ entries }) => entries);
  }

  /** f32[stored units] */
  units(parameter: UnitParameter): Region {
    return this.#units.get(parameter)!;
  }

  /** Everything that {@link write} writes. */
  get regions(): Region[] {
    const lists = [...this.#layers.values()].flat();
    return [...lists.map(({ entries }) => entries), ...this.#units.values()];
  }

  /** @param direction parameters that it lacks do not change, nor what is removed */
  write(buffer: ArrayBuffer, direction: Weights): void {
    const floats = new Float32Array(buffer);
    const view = (region: Region) =>
      floats.subarray(region.address / 4, (region.address + region.bytes()) / 4);
    for (const [{ weights }, lists] of this.#layers) {
      const values = direction.get(weights.parameter.name);
      // they are 0 from the start
      if (values === undefined) continue;
      for (const { entries, order } of lists) setEntries(view(entries), weights, order, values);
    }
    for (const [parameter, region] of this.#units) setUnits(view(region), parameter, direction);
  }
}

/** Another of the same size, which starts alike. */
function twin({ purpose, bytes, initial }: Region): Region {
  return new Region(purpose, bytes, initial && { initial });
}
