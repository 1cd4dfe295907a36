import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrays } from "../src/datasets/arrays.ts";
import { ByteImages, type Dataset, type Examples } from "../src/datasets/dataset.ts";
import type { NamedArray } from "../src/datasets/entry.ts";
import { takeParts } from "../src/datasets/splits.ts";
import { drawViews } from "../src/pipeline/augmentation.ts";
import { inlineLoader } from "../src/pipeline/loader.ts";
import { epochOrder } from "../src/pipeline/order.ts";

const PLAIN = { mean: [0], std: [1 / 255] };

/** Images of one pixel, whose value is their number; classes in turn. */
function numbered(count: number, classCount: number): Dataset {
  const part = (n: number) =>
    new ByteImages(
      [1, 1, 1],
      Uint8Array.from({ length: n }, (_, k) => k),
      Uint8Array.from({ length: n }, (_, k) => k % classCount),
      PLAIN,
    );
  const inputShape = [1, 1, 1];
  return {
    name: "numbers",
    classCount,
    inputShape,
    normalisation: PLAIN,
    train: part(count),
    test: part(classCount),
  };
}

function numbersOf({ count, fillInto }: Dataset["train"]): number[] {
  const x = new Float32Array(count);
  fillInto.call(
    undefined,
    x,
    Array.from({ length: count }, (_, k) => k),
  );
  return [...x].map(Math.round);
}

describe("takeParts", () => {
  it("keeps so many classes, numbered anew in their old order, the same for the same seed", () => {
    const whole = numbered(60, 6);
    const some = takeParts(whole, { classCount: 3, seed: 4 });
    expect(some.classCount).toBe(3);
    const olds = [0, 1, 2].map((c) => {
      const own = numbersOf(some.train).filter((_, k) => some.train.classes[k] === c);
      expect(own).toHaveLength(10);
      expect(new Set(own.map((n) => n % 6)).size).toBe(1);
      return own[0]! % 6;
    });
    expect(olds).toEqual(olds.toSorted((a, b) => a - b));
    expect(numbersOf(some.test).map((n) => n % 6)).toEqual(olds);
    expect(numbersOf(takeParts(whole, { classCount: 3, seed: 4 }).train)).toEqual(numbersOf(some.train));
    const seeds = Array.from({ length: 20 }, (_, seed) =>
      numbersOf(takeParts(whole, { classCount: 3, seed }).test).join(),
    );
    expect(new Set(seeds).size).toBeGreaterThan(5);
  });

  it("sets the same part of every class aside, and loses or repeats no example", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 40 }),
        fc.integer({ min: 2, max: 5 }),
        fc.nat(99),
        (each, classCount, seed) => {
          const { train, validation, test } = takeParts(numbered(each * classCount, classCount), {
            validation: 0.25,
            seed,
          });
          const all = [...numbersOf(train), ...numbersOf(validation!)];
          expect(all.toSorted((a, b) => a - b)).toEqual(
            Array.from({ length: each * classCount }, (_, k) => k),
          );
          for (let c = 0; c < classCount; c++)
            expect([...validation!.classes].filter((own) => own === c)).toHaveLength(Math.round(each / 4));
          expect(test.count).toBe(classCount);
          numbersOf(train).forEach((n, k) => {
            expect(train.classes[k]).toBe(n % classCount);
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each([
    [{ classCount: 1 }, /classes: got 1, expected 2 to 6/],
    [{ classCount: 7 }, /classes: got 7/],
    [{ validation: 1 }, /validation: got 1, expected the fraction/],
    [{ validation: 0.001 }, /leaves some on either side/],
    [{ trainCount: 61 }, /training examples: got 61, expected 1 to 60/],
  ])("refuses %j", (options, message) => {
    expect(() => takeParts(numbered(60, 6), options)).toThrow(message);
  });
});

describe("samples of each class", () => {
  const of = (samplesPerClass: number, seed = 3) =>
    takeParts(numbered(60, 6), { samplesPerClass, seed }).train;
  const different = (examples: Examples) => [...new Set(numbersOf(examples))];

  it("are as many of every class, repeated to the number of all, fewer within more", () => {
    for (const each of [1, 3, 10]) {
      const train = of(each);
      expect(train.count).toBe(60);
      expect(different(train)).toHaveLength(6 * each);
      const counts = Array.from({ length: 6 }, (_, c) => train.classes.filter((own) => own === c).length);
      expect(counts).toEqual([10, 10, 10, 10, 10, 10]);
    }
    expect(different(of(3))).toEqual(expect.arrayContaining(different(of(1))));
    expect(different(of(10))).toEqual(expect.arrayContaining(different(of(3))));
    expect(different(of(3, 4))).not.toEqual(different(of(3)));
  });

  it("are refused beyond the smallest class", () => {
    expect(() => of(11)).toThrow("1 to 10");
  });
});

describe("the order of an epoch", () => {
  it("is a permutation that depends on seed and epoch alone", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(1000), fc.integer({ min: 1, max: 500 }), (count, seed, epoch) => {
        const order = epochOrder(count, seed, epoch);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, k) => k));
        expect(epochOrder(count, seed, epoch)).toEqual(order);
      }),
    );
    expect(epochOrder(100, 1, 2)).not.toEqual(epochOrder(100, 1, 3));
  });
});

describe("augmentation", () => {
  const frame = {
    stored: [2, 5, 6],
    input: [2, 5, 6],
    normalisation: { mean: [0.1, 0.2], std: [0.5, 2] },
  } as const;
  const pixels = Uint8Array.from({ length: 4 * 60 }, (_, k) => (k * 37) & 255);
  const images = new ByteImages([2, 5, 6], pixels, new Uint8Array(4), frame.normalisation);

  it("is a crop of the padded image, flipped or not, against the plain formula", () => {
    fc.assert(
      fc.property(
        fc.nat(4),
        fc.boolean(),
        fc.nat(99),
        fc.integer({ min: 1, max: 9 }),
        (padding, flip, seed, epoch) => {
          const views = drawViews(frame, { augmentation: { padding, flip }, seed, epoch }, [3, 1]);
          const x = new Float32Array(120).fill(7);
          images.fillInto(x, [3, 1], views);
          [3, 1].forEach((example, i) => {
            const [top, left, mirrored] = views.subarray(3 * i, 3 * i + 3) as unknown as [
              number,
              number,
              number,
            ];
            expect(Math.max(Math.abs(top), Math.abs(left))).toBeLessThanOrEqual(padding);
            for (let c = 0; c < 2; c++)
              for (let y = 0; y < 5; y++)
                for (let column = 0; column < 6; column++) {
                  const [sy, sx] = [y + top, (mirrored ? 5 - column : column) + left];
                  const inside = sy >= 0 && sy < 5 && sx >= 0 && sx < 6;
                  const pixel = inside ? pixels[60 * example + 30 * c + 6 * sy + sx]! : 0;
                  const wanted = (pixel / 255 - frame.normalisation.mean[c]!) / frame.normalisation.std[c]!;
                  expect(x[60 * i + 30 * c + 6 * y + column]).toBeCloseTo(wanted, 5);
                }
          });
        },
      ),
    );
  });

  it("draws every window equally often (χ², false alarm 1e-6), and half of them flipped", () => {
    const examples = Array.from({ length: 20_000 }, (_, k) => k);
    const views = drawViews(frame, { augmentation: { padding: 2, flip: true }, seed: 3, epoch: 1 }, examples);
    const counts = new Array<number>(50).fill(0);
    for (const k of examples)
      counts[10 * (views[3 * k]! + 2) + 2 * (views[3 * k + 1]! + 2) + views[3 * k + 2]!]!++;
    const chi = counts.reduce((sum, count) => sum + (count - 400) ** 2 / 400, 0);
    // χ² of 49 degrees exceeds 112 with probability 1e-6
    expect(chi).toBeLessThan(112);
  });

  it("gives an example the same input in whatever batch it stands, so that a run can go on anywhere", async () => {
    const dataset = {
      ...numbered(4, 2),
      inputShape: [2, 5, 6],
      normalisation: frame.normalisation,
      train: images,
    };
    const draw = { augmentation: { padding: 2, flip: true }, seed: 5, epoch: 3 };
    const inputs = async (batchSize: number, order: Uint32Array) => {
      const loader = await inlineLoader({ dataset, batchSize });
      const all: number[] = [];
      for await (const { x } of loader.batches({ part: "train", order, draw })) all.push(...x);
      return all;
    };
    const order = Uint32Array.of(2, 0, 3, 1);
    const whole = await inputs(4, order);
    expect(await inputs(3, order)).toEqual(whole);
    expect(await inputs(2, order.subarray(2))).toEqual(whole.slice(120));
  });
});

describe("arrays", () => {
  const array = (dtype: string, shape: number[], values: ArrayLike<number>): NamedArray => ({
    dtype,
    shape,
    values: dtype === "U8" ? Uint8Array.from(values) : Float32Array.from(values),
  });
  const good = (): Record<string, NamedArray> => ({
    x_train: array("F32", [3, 2], [1, 2, 3, 4, 5, 6]),
    y_train: array("I64", [3], [0, 1, 2]),
    x_test: array("F32", [1, 2], [7, 8]),
    y_test: array("I64", [1], [2]),
  });
  const load = (named: Record<string, NamedArray>) =>
    arrays.load({ dataDir: "own.npz", readArrays: async () => new Map(Object.entries(named)) });

  it("takes floats as they are, and classes from the labels", async () => {
    const dataset = await load(good());
    expect(dataset).toMatchObject({ classCount: 3, inputShape: [2] });
    const x = new Float32Array(4);
    dataset.train.fillInto(x, [2, 0]);
    expect([...x]).toEqual([5, 6, 1, 2]);
  });

  it("takes volumes whole, bytes normalised by channel", async () => {
    const values = Uint8Array.from({ length: 2 * 2 * 12 }, (_, k) => k * 5);
    const x_train = array("U8", [2, 2, 2, 3, 2], values);
    const y_train = array("I64", [2], [0, 1]);
    const volumes = { ...good(), x_train, y_train, x_test: x_train, y_test: y_train };
    const dataset = await load(volumes);
    expect(dataset.inputShape).toEqual([2, 2, 3, 2]);
    const x = new Float32Array(24);
    dataset.train.fillInto(x, [1]);
    const { mean, std } = dataset.normalisation;
    const expected = Array.from({ length: 24 }, (_, k) => {
      const channel = Math.floor(k / 12);
      return (values[24 + k]! / 255 - mean[channel]!) / std[channel]!;
    });
    for (const [k, value] of expected.entries()) expect(x[k]).toBeCloseTo(value, 5);
  });

  it("normalises bytes by each channel's mean and deviation over the training examples", async () => {
    const x_train = array("U8", [2, 2, 1, 2], [0, 10, 100, 100, 20, 30, 100, 100]);
    const dataset = await load({
      ...good(),
      x_train,
      y_train: array("U8", [2], [0, 1]),
      x_test: x_train,
      y_test: array("U8", [2], [1, 0]),
    });
    const x = new Float32Array(8);
    dataset.train.fillInto(x, [0, 1]);
    const first = [x[0]!, x[1]!, x[4]!, x[5]!];
    expect(first.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
    expect(first.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 5);
    expect(x[2]).toBeCloseTo(0, 5);
  });

  it.each([
    ["labels out of range", { y_test: array("I64", [1], [3]) }, /own\.npz: got label 3, expected 0 to 2/],
    ["a negative label", { y_train: array("I64", [3], [0, 1, -1]) }, /y_train: got label -1 at example 2/],
    ["labels that are floats", { y_train: array("F32", [3], [0, 1, 2]) }, /y_train: got F32/],
    ["too few labels", { y_train: array("I64", [2], [0, 1]) }, /y_train: got I64 of shape \[2\]/],
    ["NaN", { x_train: array("F32", [3, 2], [1, 2, Number.NaN, 4, 5, 6]) }, /x_train: got NaN at element 2/],
    [
      "channels last",
      { x_train: array("U8", [1, 5, 5, 3], new Uint8Array(75)) },
      /channels last.*transpose\(0, 3, 1, 2\)/,
    ],
    [
      "images without channels",
      { x_train: array("U8", [1, 5, 5], new Uint8Array(25)) },
      /reshape to \[examples, 1/,
    ],
    [
      "another shape to test with",
      { x_test: array("F32", [1, 3], [1, 2, 3]) },
      /got F32 examples of \[3\], expected F32 of \[2\]/,
    ],
  ])("refuses %s", async (_what, change, message) => {
    await expect(load({ ...good(), ...change })).rejects.toThrow(message);
  });

  it("refuses a file without test examples", async () => {
    const { x_test: _x, y_test: _y, ...rest } = good();
    await expect(load(rest)).rejects.toThrow(/got no test examples, expected x_train/);
  });
});
