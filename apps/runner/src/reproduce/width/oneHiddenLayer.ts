/**
 * The greatest path kernel trace that k weights of a network with one hidden layer and no bias can have. Hidden unit h
 * with a weights in and b out, the largest ones, adds
 *   t_h(a, b) = a · Σ_out θ² + b · Σ_in θ²        (∂R/∂θ²_ih = Σ_o θ²_ho,  ∂R/∂θ²_ho = Σ_i θ²_ih)
 * so that units are independent, and of a unit with e weights only g_h(e) = max over a + b = e counts. With equal
 * weights g is convex in e: whole units are best, which is the least width.
 */

export interface HiddenLayer {
  /** For each unit, g(e) for e = 0 … inputs + outputs; 0 below 2, since a path needs a weight in and one out. */
  readonly gains: readonly Float64Array[];
  /** Weights of a whole unit: inputs + outputs. */
  readonly most: number;
}

/** @param first `[hidden, inputs]` @param second `[outputs, hidden]` */
export function hiddenLayer(first: Float32Array, second: Float32Array, hiddenCount: number): HiddenLayer {
  const inputs = first.length / hiddenCount;
  const outputs = second.length / hiddenCount;
  const gains = Array.from({ length: hiddenCount }, (_, h) => {
    const ins = largestSums(first.subarray(h * inputs, (h + 1) * inputs));
    const outs = largestSums(Float32Array.from({ length: outputs }, (_, o) => second[o * hiddenCount + h]!));
    const best = new Float64Array(inputs + outputs + 1);
    for (let a = 1; a <= inputs; a++) {
      for (let b = 1; b <= outputs; b++) best[a + b] = Math.max(best[a + b]!, a * outs[b]! + b * ins[a]!);
    }
    return best;
  });
  return { gains, most: inputs + outputs };
}

/** Sum of the k largest squares, for k from 0. */
function largestSums(weights: Float32Array): Float64Array {
  const squares = Float64Array.from(weights, (w) => w * w)
    .sort()
    .reverse();
  const sums = new Float64Array(squares.length + 1);
  for (const [k, square] of squares.entries()) sums[k + 1] = sums[k]! + square;
  return sums;
}

/**
 * Greatest trace of exactly `keepCount` weights, all on paths, for each number of hidden units in use.
 * O(hidden² · keepCount · most): for small networks.
 * @returns length hidden + 1; −Infinity where so many weights do not fit so many units
 */
export function greatestTraces({ gains, most }: HiddenLayer, keepCount: number): Float64Array {
  const counts = keepCount + 1;
  const best = new Float64Array((gains.length + 1) * counts).fill(Number.NEGATIVE_INFINITY);
  best[0] = 0;
  for (const [h, gain] of gains.entries()) {
    // widths from above, so that no unit is taken twice
    for (let width = h + 1; width >= 1; width--) {
      for (let count = 2; count <= keepCount; count++) {
        let value = best[width * counts + count]!;
        for (let e = 2; e <= Math.min(most, count); e++)
          value = Math.max(value, best[(width - 1) * counts + count - e]! + gain[e]!);
        best[width * counts + count] = value;
      }
    }
  }
  return Float64Array.from({ length: gains.length + 1 }, (_, width) => best[width * counts + keepCount]!);
}

export interface TraceBound {
  /** No mask of so many weights has a greater trace. */
  readonly bound: number;
  /** Of a mask of at most so many weights that comes near. */
  readonly reached: number;
  readonly width: number;
}

const HALVINGS = 60;

/**
 * By Lagrangian relaxation, for networks of any size:  max Σ g_h(e_h)  ≤  λ·k + Σ_h max_e (g_h(e) − λ·e)  for every
 * λ ≥ 0, the least of which is found by halving.
 */
export function traceBound({ gains }: HiddenLayer, keepCount: number): TraceBound {
  const at = (price: number) => {
    let [used, reached, width, excess] = [0, 0, 0, 0];
    for (const gain of gains) {
      let chosen = 0;
      for (let e = 2; e < gain.length; e++)
        if (gain[e]! - price * e > gain[chosen]! - price * chosen) chosen = e;
      used += chosen;
      reached += gain[chosen]!;
      width += Number(chosen > 0);
      excess += gain[chosen]! - price * chosen;
    }
    return { used, reached, width, bound: price * keepCount + excess };
  };
  let [low, high] = [0, Math.max(...gains.map((gain) => Math.max(...gain)))];
  let found = at(high);
  let bound = Math.min(found.bound, at(0).bound);
  for (let k = 0; k < HALVINGS; k++) {
    const price = (low + high) / 2;
    const tried = at(price);
    bound = Math.min(bound, tried.bound);
    if (tried.used > keepCount) low = price;
    else [high, found] = [price, tried];
  }
  return { bound, reached: found.reached, width: found.width };
}

/** Trace of whole units, those of the greatest first, and of one more with the weights left: the least width. */
export function leastWidthTrace(
  { gains, most }: HiddenLayer,
  keepCount: number,
): { trace: number; width: number } {
  const whole = Math.floor(keepCount / most);
  const left = keepCount - whole * most;
  const order = gains.toSorted((a, b) => b[most]! - a[most]!);
  const trace = order.slice(0, whole).reduce((sum, gain) => sum + gain[most]!, 0);
  if (left === 0) return { trace, width: whole };
  // one weight alone is on no path
  const more = order.slice(whole).reduce((best, gain) => Math.max(best, gain[left]!), 0);
  return { trace: trace + more, width: whole + 1 };
}
