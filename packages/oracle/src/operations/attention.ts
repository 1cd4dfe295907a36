/** Attention over the last axis of positions. */
import { sizeOf } from "../shapes.ts";
import type { OracleOperation, Strand, Task } from "./operation.ts";

export interface Attention {
  readonly kind: "attention";
  readonly heads: number;
  readonly scale: number;
  readonly mask?: { readonly shape: readonly number[]; readonly values: readonly number[] } | undefined;
}

export const attention: OracleOperation<Attention> = {
  shape: (_, inputs) => [inputs[2]![0]!, ...inputs[0]!.slice(1)],
  value: mixed,
  paths: (op, { inputShapes, element, plane, unit, shape }) => {
    const [tokens, keyCount] = [shape.at(-1)!, inputShapes[2]!.at(-1)!];
    const position = element % plane;
    const head = Math.floor(unit / (shape[0]! / op.heads));
    const window = Math.floor(position / tokens);
    const depth = inputShapes[0]![0]! / op.heads;
    const own = Array.from({ length: depth }, (_, c) => head * depth + c);
    const keyPlane = sizeOf(inputShapes[2]!.slice(1));
    const weights = softmax(
      Array.from({ length: keyCount }, (_, key) => maskOf(op, head, window, position % tokens, key)),
    );
    const byKey = (slot: number, c: number): Strand[] =>
      weights.map((factor, key) => ({ slot, element: c * keyPlane + window * keyCount + key, factor }));
    return [
      ...own.map((c) => ({ element: c * plane + position, factor: 1 })),
      ...own.flatMap((c) => byKey(1, c)),
      ...byKey(2, unit),
    ];
  },
  units: {
    on: ({ heads }, units, { inputShapes, slot }) => {
      if (slot === 2) return [...units];
      const depth = inputShapes[slot]![0]! / heads;
      const valueDepth = inputShapes[2]![0]! / heads;
      // every unit of its head depends on it
      return units.flatMap(({ unit }) =>
        Array.from({ length: valueDepth }, (_, u) => ({
          unit: Math.floor(unit / depth) * valueDepth + u,
          feature: `mixed ${u} of ${valueDepth}`,
        })),
      );
    },
    back: ({ heads }, unit, { inputShapes, shape }) => {
      const depth = inputShapes[0]![0]! / heads;
      const head = Math.floor(unit / (shape[0]! / heads));
      const own = Array.from({ length: depth }, (_, c) => head * depth + c);
      return [...[0, 1].flatMap((slot) => own.map((c) => [slot, c] as const)), [2, unit] as const];
    },
  },
};

/** One number after the other: the scores of a query, their softmax, the mean of values by it. */
function mixed(op: Attention, { inputs, inputShapes, shape, count }: Task): Float64Array {
  const [q, k, v] = inputs as [Float64Array, Float64Array, Float64Array];
  const [queryUnits, ...places] = inputShapes[0] as [number, ...number[]];
  const [valueUnits, ...keyPlaces] = inputShapes[2] as [number, ...number[]];
  const [plane, keyPlane] = [sizeOf(places), sizeOf(keyPlaces)];
  const [tokens, keys] = [places.at(-1)!, keyPlaces.at(-1)!];
  const depth = queryUnits / op.heads;
  return Float64Array.from({ length: count * sizeOf(shape) }, (_, e) => {
    const [n, unit, position] = [
      Math.floor(e / (valueUnits * plane)),
      Math.floor(e / plane) % valueUnits,
      e % plane,
    ];
    const [head, window] = [Math.floor(unit / (valueUnits / op.heads)), Math.floor(position / tokens)];
    const scores = Array.from({ length: keys }, (_, key) => {
      let score = 0;
      for (let c = head * depth; c < (head + 1) * depth; c++) {
        const own = k[(n * queryUnits + c) * keyPlane + window * keys + key]!;
        score += q[(n * queryUnits + c) * plane + position]! * own;
      }
      return op.scale * score + maskOf(op, head, window, position % tokens, key);
    });
    const start = (n * valueUnits + unit) * keyPlane + window * keys;
    return softmax(scores).reduce((sum, weight, key) => sum + weight * v[start + key]!, 0);
  });
}

/** What is added to the score of a query and a key, counted over all windows. */
function maskOf({ mask }: Attention, head: number, window: number, query: number, key: number): number {
  if (mask === undefined) return 0;
  const [heads, windows, queries, keys] = mask.shape as [number, number, number, number];
  return mask.values[(((head % heads) * windows + (window % windows)) * queries + query) * keys + key]!;
}

/** e^x over their sum; zeros where every x is −∞. */
function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  if (most === Number.NEGATIVE_INFINITY) return scores.map(() => 0);
  const powers = scores.map((x) => Math.exp(x - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
