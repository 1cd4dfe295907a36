/**
 * Silent units output 0 for every input. A dead unit, which no kept weight enters, is made silent: its bias, and the
 * scale and shift of its batch normalisation, are masked with it. Silence passes on
 * - through batch normalisation, pooling, dropout, slices and every activation with f(0) = 0;
 * - through flatten, to all features of a silent channel; through concat, to its place in the stack;
 * - through add, if all terms are silent; through multiply, if one factor is.
 * It ends at sigmoid, hardSigmoid and softplus (f(0) ≠ 0), at opaque operations, at constants that are added, and at the
 * next weight: a unit that kept weights enter is not silent, since it may output its bias, even if only silent units feed
 * it. A bias, scale or shift that layers share is masked where the unit is silent in all of them; elsewhere it stays, and
 * the unit is silent in none of those that add it.
 */
import { type Network, type Node, sharedParameters } from "../network/network.ts";
import { type UnitFlow, unitFlows } from "../network/unitFlow.ts";
import type { Parameter } from "../operations/definition.ts";
import { definitionOf } from "../operations/registry.ts";
import { elementCount } from "../operations/shape.ts";
import type { Masks } from "./masks.ts";

/** Name of a parameter of units → one byte per unit: 1 = a unit that is not silent has it, so that it is not masked. */
type Staying = ReadonlyMap<string, Uint8Array>;

/** Of a parameter that is always equal to another, the other. */
const originalOf = ({ copies }: Network, name: string) => copies?.get(name) ?? name;

/** @returns one array per node of `masks.network`, one byte per unit of its value: 1 = silent */
export function silentUnits(masks: Masks): readonly Uint8Array[] {
  const flows = unitFlows(masks.network);
  const isShared = sharedParameters(masks.network).size > 0 || masks.network.copies !== undefined;
  let silent = silentWhere(masks, flows, undefined);
  // what a unit needs stays, and wakes the units that share it, which may need more
  while (isShared) {
    const next = silentWhere(masks, flows, stayingOf(masks.network, silent));
    if (next.every((units, node) => units.every((isSilent, u) => isSilent === silent[node]![u]))) break;
    silent = next;
  }
  return silent;
}

/** @param staying absent: all trained parameters of silent units are 0 */
function silentWhere(
  masks: Masks,
  flows: readonly UnitFlow[],
  staying: Staying | undefined,
): readonly Uint8Array[] {
  const { network } = masks;
  const silent: Uint8Array[] = [];
  for (const [index, flow] of flows.entries()) {
    const node = network.nodes[index]!;
    const { keepsZero, multiplies } = definitionOf(node.op);
    const units =
      flow.kind === "input" || !keepsZero(node.op)
        ? new Uint8Array(node.shape[0]!)
        : flow.kind === "weights"
          ? deadUnits(masks.of(flow.parameter), flow.outCount)
          : silentBehind(flow.maps, silent, node.shape[0]!, multiplies === true);
    silent.push(units);
    if (!units.includes(1)) continue;
    const values = valuesOfZeros(network, node, staying);
    if (values === undefined) continue;
    for (const [u, isSilent] of units.entries()) if (isSilent && !givesZero(node, values, u)) units[u] = 0;
  }
  return silent;
}

/** A number for each unit that is not 0 where the parameter stays; undefined if none has an effect on a unit of zeros. */
function valuesOfZeros(
  network: Network,
  { parameters, shape }: Node,
  staying: Staying | undefined,
): ((name: string) => Float32Array) | undefined {
  const isOfUnits = ({ role, unitAxis }: Parameter) => role !== "weight" && unitAxis !== undefined;
  const values = new Map<string, Float32Array>();
  for (const parameter of parameters.filter(isOfUnits)) {
    const { name, trained } = parameter;
    const own = staying?.get(originalOf(network, name));
    values.set(
      name,
      trained ? Float32Array.from(own ?? new Uint8Array(shape[0]!)) : new Float32Array(shape[0]!).fill(1),
    );
  }
  if (!parameters.some(({ name, added }) => added && values.get(name)?.includes(1))) return undefined;
  return (name) => values.get(name)!;
}

function givesZero({ op, parameters }: Node, value: (name: string) => Float32Array, unit: number): boolean {
  const { makesZero } = definitionOf(op);
  if (makesZero !== undefined) return makesZero(op, value, unit, true);
  return parameters.every(({ name, added }) => !added || value(name)[unit] === 0);
}

function stayingOf(network: Network, silent: readonly Uint8Array[]): Staying {
  const staying = new Map<string, Uint8Array>();
  for (const [index, { parameters }] of network.nodes.entries()) {
    for (const { name, role, trained, unitAxis } of parameters) {
      if (role === "weight" || !trained || unitAxis === undefined) continue;
      const original = originalOf(network, name);
      const known = staying.get(original);
      staying.set(
        original,
        silent[index]!.map((isSilent, u) => (known?.[u] ?? 0) | (1 - isSilent)),
      );
    }
  }
  return staying;
}

/**
 * Trained parameters of silent units beside weights (biases, batch-normalisation scales and shifts). They must be 0,
 * and stay 0 in training.
 * @returns parameter name → one byte per element, 1 = stays, 0 = must be 0; parameters without such elements are
 * absent
 */
export function maskedParameters(masks: Masks): ReadonlyMap<string, Uint8Array> {
  const { network } = masks;
  const staying = stayingOf(network, silentUnits(masks));
  const masked = new Map<string, Uint8Array>();
  for (const { name, shape } of network.parameters) {
    const units = staying.get(originalOf(network, name));
    if (!units?.includes(0)) continue;
    const row = elementCount(shape.slice(1));
    masked.set(
      name,
      Uint8Array.from({ length: elementCount(shape) }, (_, k) => units[Math.floor(k / row)]!),
    );
  }
  return masked;
}

/**
 * Output units of a layer without incoming kept weights.
 * @param mask of the layer's weight, `[outCount, …]`
 * @returns one byte per output unit, 1 = dead
 */
export function deadUnits(mask: Uint8Array, outCount: number): Uint8Array {
  const rowLength = mask.length / outCount;
  return Uint8Array.from({ length: outCount }, (_, o) =>
    mask.subarray(o * rowLength, (o + 1) * rowLength).includes(1) ? 0 : 1,
  );
}

/**
 * @param zero by node, one byte a unit: 1 = it is 0
 * @param product true: one zero unit suffices; false: all that feed a unit must be 0
 * @returns one byte a unit behind `maps`
 */
export function silentBehind(
  maps: Extract<UnitFlow, { kind: "maps" }>["maps"],
  zero: readonly Uint8Array[],
  unitCount: number,
  product: boolean,
): Uint8Array {
  const [decisive, otherwise] = product ? [1, 0] : [0, 1];
  const result = new Uint8Array(unitCount).fill(otherwise);
  for (const { from, fromStart, count, toStart, spread } of maps) {
    for (let i = 0; i < count; i++) {
      if (zero[from]![fromStart + i] !== decisive) continue;
      result.fill(decisive, toStart + i * spread, toStart + (i + 1) * spread);
    }
  }
  return result;
}
