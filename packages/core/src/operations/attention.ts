/**
 * Softmax attention of several heads. Queries, keys and values are `[heads · d, …, tokens]`: a head has the units
 * h·d … (h + 1)·d − 1, the last axis counts tokens, and the axes between (windows) attend each by itself:
 *   s[t, k] = scale · Σ_c q[c, t]·k[c, k] + mask[t, k],   p[t, ·] = softmax(s[t, ·]),   y[u, t] = Σ_k p[t, k]·v[u, k]
 * A row of which the mask excludes every key (−∞) gives zeros.
 * In a path sum values pass straight within their head, every unit of a head's queries and keys passes to every unit of
 * that head, and the three are added. Positions do not multiply paths: keys and values pass with the weights that
 * attention has where all scores are 0, w[t, ·] = softmax(mask[t, ·]), which is the mean over keys without a mask:
 *   Y[u, t] = Σ_k w[t, k]·V[u, k] + Σ_c Q[c, t] + Σ_c Σ_k w[t, k]·K[c, k]
 * These weights are no parameters: they count the same with power 2.
 */
import { ArgumentError } from "../errors.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type UnitMap,
} from "./definition.ts";
import { elementCount, type Shape } from "./shape.ts";

/** What is added to scores before the softmax. */
export interface AttentionMask {
  /** Heads, windows, queries and keys; 1 where one stands for all heads or all windows. */
  readonly shape: readonly [heads: number, windows: number, queries: number, keys: number];
  /** Row-major over `shape`; −∞ excludes a key. */
  readonly values: readonly number[];
}

export interface Attention {
  readonly kind: "attention";
  readonly heads: number;
  readonly scale: number;
  readonly mask?: AttentionMask | undefined;
}

/** Lengths of an attention, from the shapes of its queries, keys and values. */
interface Lengths {
  readonly heads: number;
  /** Units of a head, of queries and keys and of values. */
  readonly depth: number;
  readonly valueDepth: number;
  readonly windows: number;
  readonly queries: number;
  readonly keys: number;
}

function lengthsOf({ heads }: Attention, [queries, , values]: readonly Shape[]): Lengths {
  return {
    heads,
    depth: queries![0]! / heads,
    valueDepth: values![0]! / heads,
    windows: elementCount(queries!.slice(1, -1)),
    queries: queries!.at(-1)!,
    keys: values!.at(-1)!,
  };
}

function fits({ heads, scale, mask }: Attention, [q, k, v]: readonly Shape[]): boolean {
  const [queries, keys, values] = [q!, k!, v!];
  const areTokens = queries.length >= 3 && queries.length === keys.length && keys.length === values.length;
  const windowsOf = (shape: Shape) => shape.slice(1, -1).join();
  const haveHeads =
    Number.isInteger(heads) && heads >= 1 && queries[0]! % heads === 0 && values[0]! % heads === 0;
  const meet =
    queries[0] === keys[0] &&
    keys.at(-1) === values.at(-1) &&
    windowsOf(queries) === windowsOf(keys) &&
    windowsOf(keys) === windowsOf(values);
  return areTokens && haveHeads && meet && Number.isFinite(scale) && (mask === undefined || maskFits(mask));

  function maskFits({ shape, values: added }: AttentionMask): boolean {
    const [ofHeads, ofWindows, ...rest] = shape;
    const windows = elementCount(queries.slice(1, -1));
    return (
      [1, heads].includes(ofHeads) &&
      [1, windows].includes(ofWindows) &&
      rest[0] === queries.at(-1) &&
      rest[1] === keys.at(-1) &&
      added.length === elementCount(shape) &&
      added.every((x) => !Number.isNaN(x) && x !== Number.POSITIVE_INFINITY)
    );
  }
}

/** For each query and key of a head and a window, the weight of attention where all scores are 0; row-major. */
function evenWeights(
  { mask }: Attention,
  { queries, keys }: Lengths,
  head: number,
  window: number,
): Float64Array {
  const weights = new Float64Array(queries * keys);
  if (mask === undefined) return weights.fill(1 / keys);
  const [heads, windows] = mask.shape;
  const start = ((heads === 1 ? 0 : head) * windows + (windows === 1 ? 0 : window)) * queries * keys;
  for (let t = 0; t < queries; t++) {
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < keys; k++) most = Math.max(most, mask.values[start + t * keys + k]!);
    if (most === Number.NEGATIVE_INFINITY) continue;
    let sum = 0;
    for (let k = 0; k < keys; k++) {
      const weight = Math.exp(mask.values[start + t * keys + k]! - most);
      weights[t * keys + k] = weight;
      sum += weight;
    }
    for (let k = 0; k < keys; k++) weights[t * keys + k]! /= sum;
  }
  return weights;
}

/** Calls `visit` for each head and window, with the elements of its first units: units follow at `stride`. */
function forEachPart(
  lengths: Lengths,
  visit: (
    head: number,
    window: number,
    at: { query: number; key: number; value: number; output: number },
  ) => void,
): void {
  const { heads, depth, valueDepth, windows, queries, keys } = lengths;
  for (let head = 0; head < heads; head++) {
    for (let window = 0; window < windows; window++) {
      visit(head, window, {
        query: (head * depth * windows + window) * queries,
        key: (head * depth * windows + window) * keys,
        value: (head * valueDepth * windows + window) * keys,
        output: (head * valueDepth * windows + window) * queries,
      });
    }
  }
}

export const attention: OperationDefinition<Attention> = {
  kind: "attention",
  arity: [3, 3],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const [queries, , values] = inputs as [Shape, Shape, Shape];
    if (fits(op, inputs)) return [values[0]!, ...queries.slice(1)];
    throw new ArgumentError(`layer "${node}"`, {
      given: `attention of ${op.heads} heads, scale ${op.scale}, over queries, keys and values of shapes ${inputs.map((s) => `[${s.join(", ")}]`).join(", ")}${op.mask ? ` with a mask of shape [${op.mask.shape.join(", ")}]` : ""}`,
      expected:
        "[heads · d, windows, tokens] each, as many units and windows of queries as of keys, a value for each key, and a mask that has one number for each query and key",
    });
  },
  units: (op, inputs) => {
    const lengths = lengthsOf(op, inputs);
    return [0, 1]
      .flatMap((input) => mixedMaps(lengths, input))
      .concat({
        input: 2,
        fromStart: 0,
        count: inputs[2]![0]!,
        toStart: 0,
        spread: 1,
      });
  },
  keepsZero: () => true,
  isNonNegative: (_op, [, , values]) => values!,
  couples: () => false,
  adds: false,
  // softmax sees scores, and each of them every unit of its head
  shrink: () => undefined,
  assumes: ASSUMES_NOTHING,
  pathForward(op, given) {
    const lengths = lengthsOf(op, given.inputShapes);
    const { depth, valueDepth, windows, queries, keys } = lengths;
    const [q, k, v] = given.inputs as [Float64Array, Float64Array, Float64Array];
    const output = new Float64Array(elementCount(given.outputShape));
    forEachPart(lengths, (head, window, at) => {
      const weights = evenWeights(op, lengths, head, window);
      const keySums = summedUnits(k, at.key, depth, windows * keys, keys);
      const querySums = summedUnits(q, at.query, depth, windows * queries, queries);
      for (let t = 0; t < queries; t++) {
        const own = weights.subarray(t * keys, (t + 1) * keys);
        const shared = querySums[t]! + dot(own, keySums);
        for (let u = 0; u < valueDepth; u++) {
          const values = v.subarray(at.value + u * windows * keys, at.value + u * windows * keys + keys);
          output[at.output + u * windows * queries + t] = shared + dot(own, values);
        }
      }
    });
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const lengths = lengthsOf(op, given.inputShapes);
    const { depth, valueDepth, windows, queries, keys } = lengths;
    const [q, k, v] = given.inputShapes.map((shape) => new Float64Array(elementCount(shape)));
    forEachPart(lengths, (head, window, at) => {
      const weights = evenWeights(op, lengths, head, window);
      const sums = summedUnits(gradient, at.output, valueDepth, windows * queries, queries);
      for (let t = 0; t < queries; t++) {
        for (let c = 0; c < depth; c++) q![at.query + c * windows * queries + t] = sums[t]!;
        for (let key = 0; key < keys; key++) {
          const weight = weights[t * keys + key]!;
          for (let c = 0; c < depth; c++) k![at.key + c * windows * keys + key]! += weight * sums[t]!;
          for (let u = 0; u < valueDepth; u++)
            v![at.value + u * windows * keys + key]! +=
              weight * gradient[at.output + u * windows * queries + t]!;
        }
      }
    });
    return { inputs: [q!, k!, v!], parameters: NO_GRADIENTS };
  },
};

/** Each unit of a head's queries, or keys, becomes every unit of that head. */
function mixedMaps({ heads, depth, valueDepth }: Lengths, input: number): UnitMap[] {
  return Array.from({ length: heads * depth }, (_, unit) => ({
    input,
    fromStart: unit,
    count: 1,
    toStart: Math.floor(unit / depth) * valueDepth,
    spread: valueDepth,
    mixes: true as const,
  }));
}

/** By position, the sum over `count` units that lie `step` apart. */
function summedUnits(
  values: Float64Array,
  start: number,
  count: number,
  step: number,
  length: number,
): Float64Array {
  const sums = new Float64Array(length);
  for (let c = 0; c < count; c++) for (let k = 0; k < length; k++) sums[k]! += values[start + c * step + k]!;
  return sums;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
