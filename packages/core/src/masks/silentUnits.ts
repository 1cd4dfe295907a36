/**
 * Silent units output 0 for every input. A dead unit, which no kept weight enters, is made silent: its bias, and the
 * scale and shift of its batch normalisation, are masked with it. Silence passes on
 * - through batch normalisation, pooling, dropout, slices and every activation with f(0) = 0;
 * - through flatten, to all features of a silent channel; through concat, to its place in the stack;
 * - through add, if all terms are silent; through multiply, if one factor is.
 * It ends at sigmoid, hardSigmoid and softplus (f(0) ≠ 0), at opaque operations, and at the next weight: a unit that
 * kept weights enter is not silent, since it may output its bias, even if only silent units feed it.
 */
import { sharedParameters } from "../network/network.ts";
import { type UnitFlow, unitFlows } from "../network/unitFlow.ts";
import { definitionOf } from "../operations/registry.ts";
import { elementCount } from "../operations/shape.ts";
import type { Masks } from "./masks.ts";

/** @returns one array per node of `masks.network`, one byte per unit of its value: 1 = silent */
export function silentUnits(masks: Masks): readonly Uint8Array[] {
  const { network } = masks;
  const silent: Uint8Array[] = [];
  for (const [index, flow] of unitFlows(network).entries()) {
    const { op, shape } = network.nodes[index]!;
    silent.push(
      flow.kind === "input" || !definitionOf(op).keepsZero(op)
        ? new Uint8Array(shape[0]!)
        : flow.kind === "weights"
          ? deadUnits(masks.of(flow.parameter), flow.outCount)
          : silentBehind(flow.maps, silent, shape[0]!, definitionOf(op).multiplies === true),
    );
  }
  return silent;
}

/**
 * Trained parameters of silent units beside weights (biases, batch-normalisation scales and shifts). They must be 0,
 * and stay 0 in training.
 * @returns parameter name → one byte per element, 1 = stays, 0 = must be 0; parameters without such elements are
 * absent
 */
export function maskedParameters(masks: Masks): ReadonlyMap<string, Uint8Array> {
  const silent = silentUnits(masks);
  const isShared = sharedParameters(masks.network).size > 0;
  const masked = new Map<string, Uint8Array>();
  for (const [index, { parameters }] of masks.network.nodes.entries()) {
    if (!isShared && !silent[index]!.includes(1)) continue;
    for (const { name, shape, role, trained, unitAxis } of parameters) {
      if (role === "weight" || !trained || unitAxis === undefined) continue;
      const row = elementCount(shape.slice(1));
      const known = masked.get(name);
      // what layers share is 0 where the unit is silent in all of them
      masked.set(
        name,
        Uint8Array.from({ length: elementCount(shape) }, (_, k) =>
          Math.max(known?.[k] ?? 0, 1 - silent[index]![Math.floor(k / row)]!),
        ),
      );
    }
  }
  return isShared ? new Map([...masked].filter(([, mask]) => mask.includes(0))) : masked;
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
