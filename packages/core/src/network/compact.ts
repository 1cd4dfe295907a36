/**
 * Removes units of a masked network that do not affect its output, with their weights. A unit does not affect the
 * output if it is 0 for every input (only zero units or zero weights feed it, no bias, no shift), or if nothing that
 * reaches the output reads it. A unit that is constant but not 0 stays.
 * Units that must stay or go together form a class: units that batch normalisation, activations, pooling, flatten,
 * concat, select, add and multiply map to each other, and the inputs and outputs of one group of a grouped convolution. A class
 * goes only if all its units may go. The network's input and output keep their shapes, and every value keeps at least
 * one unit.
 */
import { maskedWeights } from "../masks/maskedWeights.ts";
import { Masks } from "../masks/masks.ts";
import { silentBehind } from "../masks/silentUnits.ts";
import type { Parameter } from "../operations/definition.ts";
import { definitionOf } from "../operations/registry.ts";
import { elementCount } from "../operations/shape.ts";
import type { Weights } from "../weights/weights.ts";
import { buildNetwork, type Network, type Node } from "./network.ts";
import { inputShapes, type UnitFlow, unitFlows, type WeightFlow } from "./unitFlow.ts";

export interface Compact {
  /** The same operations with fewer units, under the same names. */
  readonly network: Network;
  /** Its weights; removed ones are 0. */
  readonly weights: Weights;
  /** The given masks restricted to the units that stay. */
  readonly masks: Masks;
  /** Units that stay, ascending: one array per node of the given network. */
  readonly keptUnits: readonly Uint32Array[];
}

/** For every input the result has the output of `network` with `maskedWeights(weights, masks)`. */
export function compactNetwork(network: Network, weights: Weights, masks: Masks): Compact {
  const masked = maskedWeights(weights, masks);
  const flows = unitFlows(network);
  const zero = zeroUnits(network, flows, masked);
  const needed = neededUnits(network, flows, masked, zero);
  const kept = keptUnits(
    network,
    flows,
    (node, unit) => needed[node]![unit] === 1 && zero[node]![unit] === 0,
  );
  const place = new Map(network.parameters.map(({ name }, index) => [name, index]));
  const inputPlace = new Map(network.inputs.map((node, k) => [node, k - network.inputs.length]));
  const specs = network.nodes.map(({ name, op, inputs, parameters }, node) => ({
    name,
    place: inputPlace.get(node) ?? place.get(parameters[0]?.name ?? "") ?? 0,
    op: shrinking(network, node)?.({ output: kept[node]!, inputs: inputs.map((from) => kept[from]!) }) ?? op,
    inputs: inputs.map((input) => network.nodes[input]!.name),
  }));
  specs.sort((a, b) => a.place - b.place);
  const result = buildNetwork(network.name, specs, network.nodes[network.output]!.name);
  const compactWeights = new Map<string, Float32Array>();
  const compactMasks = new Masks(result);
  for (const [node, { inputs, parameters }] of network.nodes.entries()) {
    const flow = flows[node]!;
    if (flow.kind === "weights") {
      const taken = edgesBetween(flow, kept[inputs[0]!]!, kept[node]!);
      const { name } = flow.parameter;
      const values = masked.get(name)!;
      compactWeights.set(
        name,
        Float32Array.from(taken, (e) => values[e]!),
      );
      const mask = masks.of(flow.parameter);
      compactMasks.get(name)!.set(Uint8Array.from(taken, (e) => mask[e]!));
    }
    for (const parameter of parameters) {
      if (parameter.role === "weight") continue;
      compactWeights.set(parameter.name, ofUnits(parameter, masked.get(parameter.name)!, kept[node]!));
    }
  }
  return { network: result, weights: compactWeights, masks: compactMasks, keptUnits: kept };
}

/** The values of a parameter for some output units; all values if it has no unit axis. */
function ofUnits({ shape, unitAxis }: Parameter, values: Float32Array, units: Uint32Array): Float32Array {
  if (unitAxis === undefined) return values;
  const row = elementCount(shape.slice(1));
  const result = new Float32Array(units.length * row);
  for (const [k, u] of units.entries()) result.set(values.subarray(u * row, (u + 1) * row), k * row);
  return result;
}

/** One byte per unit: 1 if its value is 0 for every input. */
function zeroUnits(network: Network, flows: readonly UnitFlow[], weights: Weights): Uint8Array[] {
  const zero: Uint8Array[] = [];
  for (const [node, own] of network.nodes.entries()) {
    const flow = flows[node]!;
    const units = new Uint8Array(own.shape[0]!);
    if (flow.kind === "weights") {
      units.fill(1);
      const silent = zero[flow.from]!;
      forEachKernel(flow, weights, (o, i) => {
        if (silent[i] === 0) units[o] = 0;
      });
    } else if (flow.kind === "maps") {
      units.set(silentBehind(flow.maps, zero, units.length, definitionOf(own.op).multiplies === true));
    }
    if (flow.kind !== "input")
      units.forEach((fromZeros, u) => {
        units[u] = makesZero(own, weights, u, fromZeros === 1) ? 1 : 0;
      });
    zero.push(units);
  }
  return zero;
}

/** @param comesOfZeros whether all units that feed this unit are 0 */
function makesZero({ op, parameters }: Node, weights: Weights, unit: number, comesOfZeros: boolean): boolean {
  const definition = definitionOf(op);
  if (definition.makesZero !== undefined)
    return definition.makesZero(op, (name) => weights.get(name)!, unit, comesOfZeros);
  if (!comesOfZeros || !definition.keepsZero(op)) return false;
  return parameters.every(
    (parameter) =>
      !parameter.added ||
      ofUnits(parameter, weights.get(parameter.name)!, Uint32Array.of(unit)).every((value) => value === 0),
  );
}

/** One byte per unit: 1 if the output may depend on its value. */
function neededUnits(
  network: Network,
  flows: readonly UnitFlow[],
  weights: Weights,
  zero: readonly Uint8Array[],
): Uint8Array[] {
  const needed = network.nodes.map(({ shape }) => new Uint8Array(shape[0]!));
  needed[network.output]!.fill(1);
  for (let node = network.nodes.length - 1; node >= 0; node--) {
    const flow = flows[node]!;
    const { op } = network.nodes[node]!;
    const definition = definitionOf(op);
    // a product that is 0 needs none of its factors
    const wanted = definition.multiplies
      ? needed[node]!.map((isNeeded, u) => isNeeded & ~zero[node]![u]!)
      : needed[node]!;
    if (flow.kind === "weights") {
      forEachKernel(flow, weights, (o, i) => {
        if (wanted[o] === 1) needed[flow.from]![i] = 1;
      });
    } else if (flow.kind === "maps") {
      if (definition.couples(op) && wanted.includes(1))
        for (const { from } of flow.maps) needed[from]!.fill(1);
      for (const { from, fromStart, count, toStart, spread } of flow.maps) {
        for (let i = 0; i < count; i++) {
          if (wanted.subarray(toStart + i * spread, toStart + (i + 1) * spread).includes(1))
            needed[from]![fromStart + i] = 1;
        }
      }
    }
  }
  return needed;
}

/** Units that stay, by node. @param isLive whether a unit alone affects the output */
function keptUnits(
  network: Network,
  flows: readonly UnitFlow[],
  isLive: (node: number, unit: number) => boolean,
): Uint32Array[] {
  const classes = new UnitClasses(network);
  const { nodes } = network;
  const shrinks = nodes.map((_, node) => shrinking(network, node) !== undefined);
  for (const [node, flow] of flows.entries()) if (shrinks[node]) tieUnits(classes, node, flow);
  tieShared(classes, network);
  for (const [node, { shape, inputs }] of nodes.entries()) {
    const isFixed = !shrinks[node] || node === network.output;
    for (let u = 0; u < shape[0]!; u++) if (isFixed || isLive(node, u)) classes.keep(node, u);
    if (shrinks[node]) continue;
    for (const input of inputs) for (let u = 0; u < nodes[input]!.shape[0]!; u++) classes.keep(input, u);
  }
  for (const [node, { shape }] of nodes.entries()) {
    const isEmpty = !Array.from({ length: shape[0]! }, (_, u) => u).some((u) => classes.isKept(node, u));
    if (isEmpty) classes.keep(node, 0);
  }
  return nodes.map(({ shape }, node) => {
    const units = Array.from({ length: shape[0]! }, (_, u) => u);
    return Uint32Array.from(units.filter((u) => classes.isKept(node, u)));
  });
}

/** How to make a node's operation with fewer units; undefined if that is impossible. */
function shrinking(network: Network, node: number) {
  const { op } = network.nodes[node]!;
  return definitionOf(op).shrink(op, inputShapes(network, network.nodes[node]!));
}

function tieUnits(classes: UnitClasses, node: number, flow: UnitFlow): void {
  if (flow.kind === "maps") {
    for (const { from, fromStart, count, toStart, spread, stays } of flow.maps) {
      if (stays) continue;
      for (let k = 0; k < count * spread; k++)
        classes.tie(from, fromStart + Math.floor(k / spread), node, toStart + k);
    }
  } else if (flow.kind === "weights" && flow.groups > 1) {
    const inPerGroup = flow.inCount / flow.groups;
    const outPerGroup = flow.outCount / flow.groups;
    for (let g = 0; g < flow.groups; g++) {
      for (let i = 0; i < inPerGroup; i++) classes.tie(node, g * outPerGroup, flow.from, g * inPerGroup + i);
      for (let o = 1; o < outPerGroup; o++) classes.tie(node, g * outPerGroup, node, g * outPerGroup + o);
    }
  }
}

/** Layers that share parameters keep the same units. */
function tieShared(classes: UnitClasses, { nodes }: Network): void {
  const first = new Map<string, number>();
  for (const [node, { parameters, inputs, shape }] of nodes.entries()) {
    for (const { name, role, unitAxis } of parameters) {
      const other = first.get(name);
      if (other === undefined) {
        first.set(name, node);
        continue;
      }
      if (unitAxis === undefined) continue;
      for (let u = 0; u < shape[0]!; u++) classes.tie(other, u, node, u);
      if (role !== "weight") continue;
      const [a, b] = [nodes[other]!.inputs[0]!, inputs[0]!];
      for (let u = 0; u < nodes[b]!.shape[0]!; u++) classes.tie(a, u, b, u);
    }
  }
}

/** Classes of units that stay or go together: a union-find forest over all units of all nodes. */
class UnitClasses {
  readonly #start: number[] = [];
  readonly #parent: Uint32Array;
  readonly #kept: Uint8Array;

  constructor(network: Network) {
    let count = 0;
    for (const { shape } of network.nodes) {
      this.#start.push(count);
      count += shape[0]!;
    }
    this.#parent = Uint32Array.from({ length: count }, (_, k) => k);
    this.#kept = new Uint8Array(count);
  }

  tie(nodeA: number, unitA: number, nodeB: number, unitB: number): void {
    const [a, b] = [this.#root(nodeA, unitA), this.#root(nodeB, unitB)];
    this.#parent[b] = a;
    this.#kept[a]! |= this.#kept[b]!;
  }

  keep(node: number, unit: number): void {
    this.#kept[this.#root(node, unit)] = 1;
  }

  isKept(node: number, unit: number): boolean {
    return this.#kept[this.#root(node, unit)] === 1;
  }

  #root(node: number, unit: number): number {
    let k = this.#start[node]! + unit;
    while (this.#parent[k] !== k) {
      this.#parent[k] = this.#parent[this.#parent[k]!]!;
      k = this.#parent[k]!;
    }
    return k;
  }
}

/** Calls `visit` for every pair of an output and an input unit with a weight other than 0 between them. */
function forEachKernel(flow: WeightFlow, weights: Weights, visit: (o: number, i: number) => void): void {
  const values = weights.get(flow.parameter.name)!;
  const inPerGroup = flow.inCount / flow.groups;
  const outPerGroup = flow.outCount / flow.groups;
  for (let o = 0, e = 0; o < flow.outCount; o++) {
    const first = Math.floor(o / outPerGroup) * inPerGroup;
    for (let i = first; i < first + inPerGroup; i++, e += flow.kernelSize) {
      let k = e;
      while (k < e + flow.kernelSize && values[k] === 0) k++;
      if (k < e + flow.kernelSize) visit(o, i);
    }
  }
}

/** The edges between kept units, as indices into the weight. */
function edgesBetween(flow: WeightFlow, keptIn: Uint32Array, keptOut: Uint32Array): Uint32Array {
  const inPerGroup = flow.inCount / flow.groups;
  const outPerGroup = flow.outCount / flow.groups;
  const groupCount = flow.groups === 1 ? 1 : keptIn.length / inPerGroup;
  const taken = new Uint32Array((keptIn.length / groupCount) * keptOut.length * flow.kernelSize);
  let count = 0;
  for (const o of keptOut) {
    const first = Math.floor(o / outPerGroup) * inPerGroup;
    for (const i of keptIn) {
      if (i < first || i >= first + inPerGroup) continue;
      const e = (o * inPerGroup + i - first) * flow.kernelSize;
      for (let k = 0; k < flow.kernelSize; k++) taken[count++] = e + k;
    }
  }
  return taken;
}
