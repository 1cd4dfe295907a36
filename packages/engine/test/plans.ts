/** Small walk plans, by hand and at random. */
import fc from "fast-check";
import { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "../src/index.ts";

export const PHEW: WalkOptions = {
  seed: 1,
  bias: "magnitude",
  granularity: "weight",
  direction: "alternate",
  branching: "equal",
};

/** What a layer may read: the ways into its units, from wherever they come. */
export interface Value {
  readonly count: number;
  readonly ways: readonly Omit<WalkLink, "to">[];
}

export interface LayerShape {
  readonly outCount: number;
  readonly kernelSize?: number;
  readonly groups?: number;
}

/** Writes a plan down as a network is: values go into layers and come out of them. */
export class PlanWriter {
  readonly #layers: WalkLayer[] = [];
  readonly #links: WalkLink[] = [];
  readonly #inputCount: number;
  readonly #weight: (index: number) => number;
  #edgeCount = 0;

  /** @param weight of edge `index` */
  constructor(inputCount: number, weight: (index: number) => number) {
    this.#inputCount = inputCount;
    this.#weight = weight;
  }

  get input(): Value {
    return this.#valueOf(INPUT, this.#inputCount);
  }

  layer(value: Value, { outCount, kernelSize = 1, groups = 1 }: LayerShape): Value {
    const index = this.#layers.length;
    const length = outCount * (value.count / groups) * kernelSize;
    this.#layers.push({
      name: `layer${index}`,
      weight: Float32Array.from({ length }, (_, k) => this.#weight(this.#edgeCount + k)),
      outCount,
      inCount: value.count,
      groups,
      kernelSize,
      firstEdge: this.#edgeCount,
    });
    this.#edgeCount += length;
    for (const way of value.ways) this.#links.push({ ...way, to: index });
    return this.#valueOf(index, outCount);
  }

  end(value: Value): WalkPlan {
    for (const way of value.ways) this.#links.push({ ...way, to: this.#layers.length });
    return {
      layers: this.#layers,
      links: this.#links,
      inputCount: this.#inputCount,
      outputCount: value.count,
      edgeCount: this.#edgeCount,
    };
  }

  #valueOf(from: number, count: number): Value {
    return { count, ways: [{ from, fromStart: 0, count, toStart: 0, spread: 1 }] };
  }
}

export const add = (a: Value, b: Value): Value => ({ count: a.count, ways: [...a.ways, ...b.ways] });

export const concat = (a: Value, b: Value): Value => ({
  count: a.count + b.count,
  ways: [...a.ways, ...b.ways.map((way) => ({ ...way, toStart: way.toStart + a.count }))],
});

export const flatten = (value: Value, spread: number): Value => ({
  count: value.count * spread,
  ways: value.ways.map((way) => ({
    ...way,
    toStart: way.toStart * spread,
    spread: way.spread * spread,
    feature: (way.feature ?? 0) * spread,
  })),
});

/** Units of a value, in any order and each as often as wanted; every way for itself. */
export const select = (value: Value, index: readonly number[]): Value => ({
  count: index.length,
  ways: index.flatMap((unit, toStart) =>
    value.ways.flatMap((way) => {
      const at = unit - way.toStart;
      if (at < 0 || at >= way.count * way.spread) return [];
      const fromStart = way.fromStart + Math.floor(at / way.spread);
      const feature = (way.feature ?? 0) + (at % way.spread);
      return [{ from: way.from, fromStart, count: 1, toStart, spread: 1, feature }];
    }),
  ),
});

/** Dense layers one after the other. */
export function chain(sizes: readonly number[], weight: (index: number) => number): WalkPlan {
  const writer = new PlanWriter(sizes[0]!, weight);
  let value = writer.input;
  for (const outCount of sizes.slice(1)) value = writer.layer(value, { outCount });
  return writer.end(value);
}

/**
 * Everything at once: kernels of 1, 4 and 9 weights, a fork into a shortcut, an add, a concat, a grouped and a
 * depthwise layer, flatten.
 */
export function everyKind(weight: (index: number) => number): WalkPlan {
  const writer = new PlanWriter(2, weight);
  const stem = writer.layer(writer.input, { outCount: 4, kernelSize: 9 });
  const main = writer.layer(stem, { outCount: 2, kernelSize: 4, groups: 2 });
  const shortcut = writer.layer(stem, { outCount: 2 });
  const sum = add(main, shortcut);
  const deep = writer.layer(sum, { outCount: 2, kernelSize: 9, groups: 2 });
  const stack = concat(sum, deep);
  return writer.end(writer.layer(flatten(stack, 3), { outCount: 3 }));
}

/** Weights between −1.7 and 1.7 that look random and are the same on every machine; one in `zeroEvery` is 0. */
export function variedWeight(zeroEvery = Number.POSITIVE_INFINITY): (index: number) => number {
  return (index) => {
    if (index % zeroEvery === zeroEvery - 1) return 0;
    let hash = Math.imul(index + 1, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca77);
    return ((hash ^ (hash >>> 13)) / 2 ** 31) * 1.7;
  };
}

/** Random graphs of up to a dozen layers: forks, adds, concats, groups, flattens, zeros. */
export const anyPlan: fc.Arbitrary<WalkPlan> = fc
  .record({
    inputCount: fc.integer({ min: 1, max: 5 }),
    steps: fc.array(
      fc.record({
        kind: fc.constantFrom("layer", "layer", "layer", "grouped", "add", "concat", "flatten", "select"),
        // which earlier values it reads, as shares of how many there are
        first: fc.integer({ min: 0, max: 0xffff }),
        second: fc.integer({ min: 0, max: 0xffff }),
        outCount: fc.integer({ min: 1, max: 20 }),
        kernelSize: fc.constantFrom(1, 1, 4, 9),
        spread: fc.integer({ min: 2, max: 3 }),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    zeroEvery: fc.constantFrom(Number.POSITIVE_INFINITY, 7, 2),
    outputCount: fc.integer({ min: 1, max: 4 }),
  })
  .map(({ inputCount, steps, zeroEvery, outputCount }) => {
    const writer = new PlanWriter(inputCount, variedWeight(zeroEvery));
    const values: Value[] = [writer.input];
    const unused = new Set<Value>();
    const use = (at: number): Value => {
      const value = values[at % values.length]!;
      unused.delete(value);
      return value;
    };
    for (const { kind, first, second, outCount, kernelSize, spread } of steps) {
      const value = use(first);
      let made: Value;
      if (kind === "layer") made = writer.layer(value, { outCount, kernelSize });
      else if (kind === "grouped") {
        made = writer.layer(value, { outCount: value.count * 2, kernelSize, groups: value.count });
      } else if (kind === "flatten" && value.count < 30) made = flatten(value, spread);
      else if (kind === "select") {
        // every unit at least once, some more often
        const more = Array.from({ length: outCount }, (_, k) => (k * second) % value.count);
        made = select(value, [...Array(value.count).keys(), ...more].toReversed());
      } else if (kind === "concat" && value.count < 30) made = concat(value, use(second));
      else made = add(value, writer.layer(value, { outCount: value.count, kernelSize }));
      values.push(made);
      unused.add(made);
    }
    // what nobody has read yet goes to the end, so that every unit has a way on
    const rest = [...unused].reduce((all, value) => concat(all, value));
    return writer.end(writer.layer(rest, { outCount: outputCount }));
  });

export const anyOptions: fc.Arbitrary<WalkOptions> = fc.record({
  seed: fc.maxSafeNat(),
  bias: fc.constantFrom("magnitude", "square", "uniform", "inverse"),
  granularity: fc.constantFrom("weight", "kernel"),
  direction: fc.constantFrom("alternate", "forward", "backward"),
  branching: fc.constantFrom("equal", "weight"),
});
