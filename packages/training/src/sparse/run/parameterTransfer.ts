/** Copies parameters between dense arrays by name, as callers use them, and the engine's memory. */
import { elementCount, type Weights } from "@phew/core";
import type { OptimiserState } from "../../executor.ts";
import { sumOfSquares } from "../../gradientNorm.ts";
import type { Fixed } from "../model/fixed.ts";
import type { KeptWeights } from "../model/keptWeights.ts";
import type { Direction } from "../plan/direction.ts";
import type { UnitParameter } from "../plan/parameters.ts";
import { type Layer, type Plan, unitParameters } from "../plan/plan.ts";
import type { Region } from "../plan/region.ts";
import type { StateRegions } from "../plan/stateRegions.ts";
import type { Memory } from "../program/memory.ts";

export class ParameterTransfer {
  readonly #plan: Plan;
  readonly #memory: Memory;
  readonly #state: StateRegions | undefined;
  /** Values of the units that are not stored: those of running statistics fade, the others never change. */
  readonly #unstored = new Map<string, Float32Array>();
  /** Number of steps to which the decay has not been applied yet. */
  #fadingSteps = 0;

  /** Name of each copy of a parameter → the parameter. */
  readonly #originals: ReadonlyMap<string, string>;

  /** {@link setWeights} comes first. @param state where training keeps it */
  constructor(
    plan: Plan,
    memory: Memory,
    state?: StateRegions,
    originals: ReadonlyMap<string, string> = new Map(),
  ) {
    this.#plan = plan;
    this.#memory = memory;
    this.#state = state;
    this.#originals = originals;
  }

  /**
   * Gives every copy of a parameter the sum of their gradients.
   * @param regions of kept gradients, by parameter name
   * @returns the sums by the name of the parameter that is shared, laid out as it is
   */
  addCopies(regions: ReadonlyMap<string, Region>): ReadonlyMap<string, Float32Array> {
    const sums = new Map<string, Float64Array>();
    if (this.#originals.size === 0) return new Map();
    const shared = new Set(this.#originals.values());
    const own = this.gradients(regions);
    for (const [copy, gradient] of own) {
      const name = this.#originals.get(copy) ?? copy;
      if (!shared.has(name)) continue;
      const sum = sums.get(name) ?? new Float64Array(gradient.length);
      for (let k = 0; k < sum.length; k++) sum[k]! += gradient[k]!;
      sums.set(name, sum);
    }
    const rounded = new Map(Array.from(sums, ([name, sum]) => [name, Float32Array.from(sum)]));
    for (const { weights: kept, entryLists } of this.#plan.layers.values()) {
      const sum = rounded.get(this.#originals.get(kept.parameter.name) ?? kept.parameter.name);
      const region = regions.get(kept.parameter.name);
      if (sum === undefined || region === undefined) continue;
      const { order } = entryLists.at(-1)!;
      const view = this.#view(region);
      for (let e = 0; e < kept.count; e++) view[e] = sum[kept.kept[order?.[e] ?? e]!]!;
    }
    for (const { parameter, units } of unitParameters(this.#plan)) {
      const sum = rounded.get(this.#originals.get(parameter.name) ?? parameter.name);
      const region = regions.get(parameter.name);
      if (sum !== undefined && region !== undefined) gather(this.#view(region), units, sum);
    }
    return rounded;
  }

  /** The same values, those of a copy being its original's. */
  withCopies(values: Weights): Weights {
    if (this.#originals.size === 0) return values;
    return new Map(
      Array.from(values, ([name, own]) => [name, values.get(this.#originals.get(name) ?? name) ?? own]),
    );
  }

  /** A weight that meets only zeros in one layer follows a copy that does not. */
  #merge(values: Map<string, Float32Array>): void {
    if (this.#originals.size === 0) return;
    const keptBy = [...this.#plan.layers.values()].map(({ weights }) => weights);
    for (const { parameter, orphans } of keptBy) {
      if (orphans.length === 0 || !values.has(parameter.name)) continue;
      const copies = keptBy.filter((other) => this.#originals.get(other.parameter.name) === parameter.name);
      const own = values.get(parameter.name)!;
      const isOrphan = new Uint8Array(own.length);
      for (const k of orphans) isOrphan[k] = 1;
      for (const { parameter: copy, kept } of copies) {
        const others = values.get(copy.name)!;
        for (const k of kept) {
          if (isOrphan[k] === 0) continue;
          own[k] = others[k]!;
          isOrphan[k] = 0;
        }
      }
    }
  }

  /** A step was taken. */
  countStep(): void {
    this.#fadingSteps++;
  }

  setWeights(weights: Weights): void {
    this.#fadingSteps = 0;
    for (const { parameter, masked } of unitParameters(this.#plan)) {
      const values = weights.get(parameter.name)!;
      this.#unstored.set(
        parameter.name,
        values.map((value, u) => (masked?.[u] === 0 ? 0 : value)),
      );
    }
    for (const { weights: kept, entryLists, orphanWeights } of this.#plan.layers.values()) {
      const values = weights.get(kept.parameter.name)!;
      for (const { entries, order } of entryLists) setEntries(this.#view(entries), kept, order, values);
      gather(this.#view(orphanWeights), kept.orphans, values);
    }
    for (const parameter of unitParameters(this.#plan))
      setUnits(this.#view(parameter.values), parameter, weights);
  }

  /** @param values parameters that it lacks do not change, nor what is removed */
  setDirection(direction: Direction, values: Weights): void {
    for (const layer of this.#plan.layers.values()) {
      const given = values.get(layer.weights.parameter.name);
      // they are 0 from the start
      if (given === undefined) continue;
      for (const [k, entries] of direction.entries(layer).entries())
        setEntries(this.#view(entries), layer.weights, layer.entryLists[k]!.order, given);
    }
    for (const parameter of unitParameters(this.#plan)) {
      if (parameter.parameter.trained) setUnits(this.#view(direction.units(parameter)), parameter, values);
    }
  }

  /** @param state parameters that it lacks start at 0 */
  setState(state: OptimiserState): void {
    for (const [buffer, name] of this.#buffers.entries()) {
      const given: Weights = state.get(name) ?? new Map();
      for (const { weights: kept, entryLists } of this.#plan.layers.values()) {
        const values = given.get(kept.parameter.name) ?? new Float32Array(elementCount(kept.parameter.shape));
        const { order } = entryLists.at(-1)!;
        const { weights, orphans } = this.#weightState(kept, buffer);
        for (let e = 0; e < kept.count; e++) weights[e] = values[kept.kept[order?.[e] ?? e]!]!;
        gather(orphans, kept.orphans, values);
      }
      for (const parameter of unitParameters(this.#plan)) {
        const numbers = this.#unitState(parameter, buffer);
        if (numbers !== undefined) setUnits(numbers, parameter, given);
      }
    }
  }

  weights(): Weights {
    const result = new Map<string, Float32Array>();
    for (const { weights: kept, entryLists, orphanWeights } of this.#plan.layers.values()) {
      const values = new Float32Array(elementCount(kept.parameter.shape));
      const { entries, order } = entryLists[0]!;
      const view = this.#view(entries);
      for (let e = 0; e < kept.count; e++) values[kept.kept[order?.[e] ?? e]!] = view[2 * e + 1]!;
      scatter(values, kept.orphans, this.#view(orphanWeights));
      result.set(kept.parameter.name, values);
    }
    this.#merge(result);
    this.#fade();
    for (const { parameter, units, values } of unitParameters(this.#plan)) {
      const all = this.#unstored.get(parameter.name)!.slice();
      scatter(all, units, this.#view(values));
      result.set(parameter.name, all);
    }
    return inNetworkOrder(this.#plan, result);
  }

  state(): OptimiserState {
    return new Map(this.#buffers.map((name, buffer) => [name, this.#stateOf(buffer)]));
  }

  #stateOf(buffer: number): Weights {
    const result = new Map<string, Float32Array>();
    for (const layer of this.#plan.layers.values()) {
      const { weights: kept } = layer;
      const { weights, orphans } = this.#weightState(kept, buffer);
      const values = inParameterOrder(layer, weights);
      scatter(values, kept.orphans, orphans);
      result.set(kept.parameter.name, values);
    }
    this.#merge(result);
    for (const parameter of unitParameters(this.#plan)) {
      const numbers = this.#unitState(parameter, buffer);
      if (numbers === undefined) continue;
      const values = new Float32Array(elementCount(parameter.parameter.shape));
      scatter(values, parameter.units, numbers);
      result.set(parameter.parameter.name, values);
    }
    return inNetworkOrder(this.#plan, result);
  }

  /** Length of one buffer of the state for each layer's kept weights, by the parameter's name. */
  stateNorms(name: string): ReadonlyMap<string, number> {
    const buffer = this.#buffers.indexOf(name);
    return new Map(
      Array.from(this.#plan.layers.values(), ({ weights: kept }) => {
        const { weights, orphans } = this.#weightState(kept, buffer);
        return [kept.parameter.name, Math.sqrt(sumOfSquares(weights) + sumOfSquares(orphans))] as const;
      }),
    );
  }

  /**
   * Of every trained parameter.
   * @param regions gradients of kept weights and stored units, by parameter name; absent ones are 0
   */
  gradients(regions: ReadonlyMap<string, Region>): Weights {
    const result = new Map<string, Float32Array>();
    for (const layer of this.#plan.layers.values()) {
      const { name, shape } = layer.weights.parameter;
      const region = regions.get(name);
      const values =
        region === undefined
          ? new Float32Array(elementCount(shape))
          : inParameterOrder(layer, this.#view(region));
      result.set(name, values);
    }
    for (const { parameter, units, masked } of unitParameters(this.#plan)) {
      if (!parameter.trained) continue;
      const values = new Float32Array(elementCount(parameter.shape));
      const region = regions.get(parameter.name);
      if (region !== undefined) scatter(values, units, this.#view(region));
      masked?.forEach((stays, u) => {
        if (stays === 0) values[u] = 0;
      });
      result.set(parameter.name, values);
    }
    return inNetworkOrder(this.#plan, result);
  }

  /** The batch statistics of a unit that outputs nothing are 0: its running ones lose a part of themselves a step. */
  #fade(): void {
    const steps = this.#fadingSteps;
    this.#fadingSteps = 0;
    for (const { op, mean, variance } of this.#plan.norms.values()) {
      for (const { parameter, units } of [mean, variance]) {
        const values = this.#unstored.get(parameter.name)!;
        if (units.length === values.length) continue;
        // rounded after every step, so that a resumed training ends with the same bits
        for (let step = 0; step < steps; step++)
          for (let u = 0; u < values.length; u++) values[u]! *= 1 - op.momentum;
      }
    }
  }

  get #buffers(): readonly string[] {
    return this.#state?.buffers ?? [];
  }

  #weightState(kept: KeptWeights, buffer: number) {
    const { kept: weights, orphans } = this.#state!.ofWeights(kept);
    return {
      weights: this.#part(weights, buffer, kept.count),
      orphans: this.#part(orphans, buffer, kept.orphans.length),
    };
  }

  #unitState(parameter: UnitParameter, buffer: number): Float32Array | undefined {
    const region = this.#state!.ofUnits(parameter);
    return region && this.#part(region, buffer, parameter.units.length);
  }

  #part(region: Region, buffer: number, count: number): Float32Array {
    return this.#view(region).subarray(buffer * count, (buffer + 1) * count);
  }

  #view(region: Region): Float32Array {
    return this.#memory.floatsOf(region);
  }
}

/**
 * Writes numbers of a layer's parameter to the {bytes, number} pairs of its kept weights. @param order see EntryList
 */
function setEntries(
  view: Float32Array,
  { kept, count }: KeptWeights,
  order: Fixed<Uint32Array> | undefined,
  values: Float32Array,
): void {
  for (let e = 0; e < count; e++) view[2 * e + 1] = values[kept[order?.[e] ?? e]!]!;
}

/** Writes numbers of stored units, 0 where `values` has none or they are masked. */
function setUnits(view: Float32Array, { parameter, units, masked }: UnitParameter, values: Weights): void {
  const given = values.get(parameter.name);
  units.forEach((unit, k) => {
    view[k] = masked?.[unit] === 0 ? 0 : (given?.[unit] ?? 0);
  });
}

/** Numbers of kept weights in the order of their gradients, laid out as the parameter is. */
function inParameterOrder({ weights: { kept, parameter }, entryLists }: Layer, numbers: Float32Array) {
  const values = new Float32Array(elementCount(parameter.shape));
  const { order } = entryLists.at(-1)!;
  for (let e = 0; e < kept.length; e++) values[kept[order?.[e] ?? e]!] = numbers[e]!;
  return values;
}

function scatter(values: Float32Array, at: Fixed<Uint32Array>, from: Float32Array): void {
  at.forEach((index, k) => {
    values[index] = from[k]!;
  });
}

function gather(into: Float32Array, at: Fixed<Uint32Array>, values: Float32Array): void {
  at.forEach((index, k) => {
    into[k] = values[index]!;
  });
}

function inNetworkOrder({ network }: Plan, values: ReadonlyMap<string, Float32Array>): Weights {
  return new Map(
    network.parameters.flatMap(({ name }) => {
      const value = values.get(name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
