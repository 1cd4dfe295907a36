/** Memory of the optimiser's state: only for trained and kept elements. */

import type { KeptWeights } from "../model/keptWeights.ts";
import type { UnitParameter } from "./parameters.ts";
import { type Plan, unitParameters } from "./plan.ts";
import { Region } from "./region.ts";

/** f32[buffers][numbers] each. */
export interface WeightState {
  /** In the order of the gradient. */
  readonly kept: Region;
  readonly orphans: Region;
}

export class StateRegions {
  /** Names of the buffers. */
  readonly buffers: readonly string[];
  readonly #weights = new Map<KeptWeights, WeightState>();
  readonly #units = new Map<UnitParameter, Region>();

  constructor(plan: Plan, buffers: readonly string[]) {
    this.buffers = buffers;
    const regionOf = (count: number) => new Region("optimiser", 4 * buffers.length * count);
    for (const { weights } of plan.layers.values())
      this.#weights.set(weights, {
        kept: regionOf(weights.count),
        orphans: regionOf(weights.orphans.length),
      });
    for (const parameter of unitParameters(plan))
      if (parameter.parameter.trained) this.#units.set(parameter, regionOf(parameter.units.length));
    Object.freeze(this);
  }

  ofWeights(weights: KeptWeights): WeightState {
    return this.#weights.get(weights)!;
  }

  /** Undefined for elements that are not trained. */
  ofUnits(parameter: UnitParameter): Region | undefined {
    return this.#units.get(parameter);
  }

  *all(): Iterable<Region> {
    for (const { kept, orphans } of this.#weights.values()) yield* [kept, orphans];
    yield* this.#units.values();
  }
}
