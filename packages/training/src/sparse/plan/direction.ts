/** Memory for a direction of the parameters: regions like those of the parameters themselves. */
import type { UnitParameter } from "./parameters.ts";
import { type Layer, type Plan, unitParameters } from "./plan.ts";
import { Region } from "./region.ts";

export class Direction {
  readonly #layers = new Map<Layer, readonly Region[]>();
  readonly #units = new Map<UnitParameter, Region>();

  constructor(plan: Plan) {
    for (const layer of plan.layers.values()) {
      const lists = layer.entryLists.map(({ entries }) => new Region("weights", entries.bytes));
      this.#layers.set(layer, lists);
    }
    for (const parameter of unitParameters(plan)) {
      if (parameter.parameter.trained)
        this.#units.set(parameter, new Region("weights", parameter.values.bytes));
    }
    Object.freeze(this);
  }

  /** Like the layer's entries, those of the forward pass first, with the direction in place of the weights. */
  entries(layer: Layer): readonly Region[] {
    return this.#layers.get(layer)!;
  }

  /** f32[stored units] of a trained parameter. */
  units(parameter: UnitParameter): Region {
    return this.#units.get(parameter)!;
  }

  get regions(): Region[] {
    return [...[...this.#layers.values()].flat(), ...this.#units.values()];
  }
}
