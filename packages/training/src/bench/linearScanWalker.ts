/**
 * PHEW in its plain form (walks by |θ|, forward and backward in turn, all branches equally likely), for comparison
 * with the walking engine. At every unit the norms of its kernels are added up to a random share of their sum, then
 * the weights of the chosen kernel likewise; one walk after the other. Its walks have the engine's distribution, not
 * its random numbers.
 */
import { Random, type WalkLayer, type WalkLink, type WalkPlan } from "@phew/engine";

export interface LinearScanOutcome {
  /** One byte an edge, 1 = kept. */
  readonly mask: Uint8Array;
  readonly keptCount: number;
  readonly walkCount: number;
  readonly stepCount: number;
}

/** Σ|θ| of each kernel, row-major `[outCount, inCount / groups]`, and of all kernels that leave and enter a unit. */
interface Norms {
  readonly kernel: Float64Array;
  readonly leaving: Float64Array;
  readonly entering: Float64Array;
}

/**
 * Walks until at least keepCount edges are kept. Units whose weights are all 0 draw uniformly.
 * @param isOver checked now and then; if it returns true, the walks end early
 */
export function linearScanWalk(
  plan: WalkPlan,
  keepCount: number,
  seed: number,
  isOver = () => false,
): LinearScanOutcome {
  return new LinearScan(plan, xorshift128(seed)).walk(keepCount, isOver);
}

const WALKS_BETWEEN_LOOKS = 64;

class LinearScan {
  readonly #plan: WalkPlan;
  readonly #random: () => number;
  readonly #norms: readonly Norms[];
  /** Links from each output unit of each layer, and from the network's input at index layers.length. */
  readonly #on: readonly (readonly Branch[])[][];
  /** Source units of each input unit of each layer, and of the network's output at index layers.length. */
  readonly #back: readonly (readonly Place[])[][];
  readonly #mask: Uint8Array;
  #keptCount = 0;
  #stepCount = 0;

  constructor(plan: WalkPlan, random: () => number) {
    const { layers, links } = plan;
    this.#plan = plan;
    this.#random = random;
    this.#norms = layers.map(normsOf);
    const ends = { outCount: plan.inputCount, inCount: plan.outputCount };
    this.#on = [...layers, ends].map(({ outCount }, l) =>
      Array.from({ length: outCount }, (_, unit) =>
        branchesOf(
          plan,
          links.filter(
            ({ from, fromStart, count }) =>
              from === (l === layers.length ? -1 : l) && isWithin(unit, fromStart, count),
          ),
          unit,
        ),
      ),
    );
    this.#back = [...layers, ends].map(({ inCount }, l) =>
      Array.from({ length: inCount }, (_, unit) =>
        sourcesOf(
          links.filter(
            ({ to, toStart, count, spread }) => to === l && isWithin(unit, toStart, count * spread),
          ),
          unit,
        ),
      ),
    );
    this.#mask = new Uint8Array(plan.edgeCount);
  }

  walk(keepCount: number, isOver: () => boolean): LinearScanOutcome {
    const { inputCount, outputCount } = this.#plan;
    let walkCount = 0;
    for (; this.#keptCount < keepCount; walkCount++) {
      if (walkCount % WALKS_BETWEEN_LOOKS === 0 && isOver()) break;
      const start = walkCount >> 1;
      if (walkCount % 2 === 0) this.#forward(start % inputCount);
      else this.#backward(start % outputCount);
    }
    return { mask: this.#mask, keptCount: this.#keptCount, walkCount, stepCount: this.#stepCount };
  }

  #forward(start: number): void {
    const end = this.#plan.layers.length;
    let [l, unit] = [end, start];
    for (;;) {
      const copies = this.#pick(this.#pick(this.#on[l]![unit]!));
      if (copies[0]!.layer === end) return;
      const input = this.#copy(copies);
      l = input.layer;
      unit = this.#stepForward(l, input.unit);
    }
  }

  #backward(start: number): void {
    let [l, unit] = [this.#plan.layers.length, start];
    for (;;) {
      const output = this.#pick(this.#back[l]![unit]!);
      if (output.layer < 0) return;
      l = output.layer;
      unit = this.#stepBackward(l, output.unit);
    }
  }

  /** @returns the output unit drawn for an input unit */
  #stepForward(l: number, input: number): number {
    const { outCount, inCount, groups } = this.#plan.layers[l]!;
    const { kernel, leaving } = this.#norms[l]!;
    const inPerGroup = inCount / groups;
    const outPerGroup = outCount / groups;
    const first = Math.floor(input / inPerGroup) * outPerGroup;
    const column = input % inPerGroup;
    const sum = leaving[input]!;
    let o = first + (sum === 0 ? this.#below(outPerGroup) : 0);
    if (sum > 0) {
      let target = this.#random() * sum - kernel[o * inPerGroup + column]!;
      while (target >= 0 && o < first + outPerGroup - 1) target -= kernel[++o * inPerGroup + column]!;
    }
    this.#keep(l, o * inPerGroup + column);
    return o;
  }

  /** @returns the input unit drawn for an output unit */
  #stepBackward(l: number, output: number): number {
    const { outCount, inCount, groups } = this.#plan.layers[l]!;
    const { kernel, entering } = this.#norms[l]!;
    const inPerGroup = inCount / groups;
    const row = output * inPerGroup;
    const sum = entering[output]!;
    let k = sum === 0 ? this.#below(inPerGroup) : 0;
    if (sum > 0) {
      let target = this.#random() * sum - kernel[row]!;
      while (target >= 0 && k < inPerGroup - 1) target -= kernel[row + ++k]!;
    }
    this.#keep(l, row + k);
    return Math.floor(output / (outCount / groups)) * inPerGroup + k;
  }

  /** Keeps one weight of a kernel. */
  #keep(l: number, kernel: number): void {
    const { weight, kernelSize, firstEdge } = this.#plan.layers[l]!;
    const norm = this.#norms[l]!.kernel[kernel]!;
    const first = kernel * kernelSize;
    let k = norm === 0 ? this.#below(kernelSize) : 0;
    if (norm > 0) {
      let target = this.#random() * norm - Math.abs(weight[first]!);
      while (target >= 0 && k < kernelSize - 1) target -= Math.abs(weight[first + ++k]!);
    }
    const edge = firstEdge + first + k;
    this.#keptCount += 1 - this.#mask[edge]!;
    this.#mask[edge] = 1;
    this.#stepCount++;
  }

  /** One of the input units that are copies of a feature, in proportion to the weights that leave it. */
  #copy(copies: Feature): Place {
    if (copies.length === 1) return copies[0]!;
    const sums = copies.map(({ layer, unit }) => this.#norms[layer]!.leaving[unit]!);
    const sum = sums.reduce((a, b) => a + b, 0);
    if (sum === 0) return this.#pick(copies);
    let k = 0;
    let target = this.#random() * sum - sums[0]!;
    while (target >= 0 && k < copies.length - 1) target -= sums[++k]!;
    return copies[k]!;
  }

  #pick<T>(items: readonly T[]): T {
    return items.length === 1 ? items[0]! : items[this.#below(items.length)]!;
  }

  #below(bound: number): number {
    return bound === 1 ? 0 : Math.floor(this.#random() * bound);
  }
}

const isWithin = (unit: number, start: number, count: number): boolean =>
  unit >= start && unit < start + count;

/** Features of a unit that one operation reads. */
type Branch = readonly Feature[];
/** The input units that are copies of one feature. */
type Feature = readonly Place[];

interface Place {
  readonly layer: number;
  readonly unit: number;
}

function branchesOf({ layers }: WalkPlan, links: readonly WalkLink[], unit: number): Branch[] {
  const operations = new Map<string | undefined, Map<number, Place[]>>();
  for (const { to, fromStart, toStart, spread, feature = 0 } of links) {
    const name = layers[to]?.name;
    const features = operations.get(name) ?? new Map<number, Place[]>();
    operations.set(name, features);
    for (let k = 0; k < spread; k++) {
      const copy = { layer: to, unit: toStart + (unit - fromStart) * spread + k };
      features.set(feature + k, [...(features.get(feature + k) ?? []), copy]);
    }
  }
  return [...operations.values()].map((features) => [...features.values()]);
}

function sourcesOf(links: readonly WalkLink[], unit: number): Place[] {
  const sources = new Map<string, Place>();
  for (const { from, fromStart, toStart, spread } of links) {
    const source = { layer: from, unit: fromStart + Math.floor((unit - toStart) / spread) };
    sources.set(`${source.layer} ${source.unit}`, source);
  }
  return [...sources.values()];
}

function normsOf({ weight, outCount, inCount, groups, kernelSize }: WalkLayer): Norms {
  const inPerGroup = inCount / groups;
  const kernel = new Float64Array(outCount * inPerGroup);
  const leaving = new Float64Array(inCount);
  const entering = new Float64Array(outCount);
  for (let o = 0, at = 0, e = 0; o < outCount; o++) {
    const firstInput = Math.floor(o / (outCount / groups)) * inPerGroup;
    for (let i = 0; i < inPerGroup; i++, at++) {
      let sum = 0;
      for (const end = e + kernelSize; e < end; e++) sum += Math.abs(weight[e]!);
      kernel[at] = sum;
      leaving[firstInput + i]! += sum;
      entering[o]! += sum;
    }
  }
  return { kernel, leaving, entering };
}

/** Marsaglia's xorshift128 (2003), 32 bits: as quick as a plain program would have it. */
function xorshift128(seed: number): () => number {
  const start = new Random(seed);
  let [x, y, z, w] = [start.nextU32(), start.nextU32(), start.nextU32(), start.nextU32() | 1];
  return () => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 4_294_967_296;
  };
}
