import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { contactSheet } from "../src/datasets/contactSheet.ts";
import type { ByteImages } from "../src/datasets/dataset.ts";
import { GLYPH_NORMALISATION, glyphs } from "../src/datasets/glyphs/glyphs.ts";
import { CHARACTERS, OUTLINES } from "../src/datasets/glyphs/outlines.ts";

const PIXELS = 28 * 28;

function draw(classCount: number, trainCount: number, seed = 0) {
  const dataset = glyphs({ classCount, trainCount, testCount: classCount, seed });
  return { dataset, train: dataset.train as ByteImages, test: dataset.test as ByteImages };
}

describe("glyphs", () => {
  it("draws the same bytes on every machine", () => {
    const { train, test } = draw(62, 620, 7);
    const digest = createHash("sha256")
      .update(train.pixels)
      .update(train.classes)
      .update(test.pixels)
      .digest("hex");
    expect(digest).toBe("199494d7760cf11e6a3c3aa8826230f14c284b3329e1c06f550c4b3c5df295c7");
  });

  it("draws other images for another seed, and other ones for the test set", () => {
    const first = draw(10, 10, 1);
    expect(draw(10, 10, 2).train.pixels).not.toEqual(first.train.pixels);
    expect(first.test.pixels).not.toEqual(first.train.pixels);
  });

  it("begins a larger set with the smaller one", () => {
    const few = draw(10, 25).train;
    const many = draw(10, 60).train;
    expect(many.pixels.subarray(0, few.pixels.length)).toEqual(few.pixels);
    expect(many.classes.subarray(0, 25)).toEqual(few.classes);
  });

  it.each([2, 10, 36, 62])("has every one of %i classes equally often, to within one", (classCount) => {
    const { train } = draw(classCount, 7 * classCount + 1);
    const counts = new Array<number>(classCount).fill(0);
    for (const c of train.classes) counts[c]!++;
    expect(Math.min(...counts)).toBe(7);
    expect(Math.max(...counts)).toBe(8);
  });

  it("does not give classes away by their order", () => {
    const { train } = draw(10, 1000);
    const runs = Array.from({ length: 100 }, (_, run) =>
      train.classes.subarray(10 * run, 10 * run + 10).join(""),
    );
    expect(new Set(runs).size).toBeGreaterThan(95);
  });

  it("has an outline inside its box for each of 62 different characters", () => {
    expect(new Set(CHARACTERS).size).toBe(62);
    expect(OUTLINES).toHaveLength(62);
    for (const [c, strokes] of OUTLINES.entries()) {
      for (const points of strokes) {
        expect(points.length, CHARACTERS[c]).toBeGreaterThanOrEqual(4);
        points.forEach((value, k) => {
          expect(value, CHARACTERS[c]).toBeGreaterThanOrEqual(-0.35);
          expect(value, CHARACTERS[c]).toBeLessThanOrEqual(k % 2 === 0 ? 8 : 13.3);
        });
      }
    }
  });

  it("leaves the ink of every example in the picture, darker than the paper", () => {
    const { train } = draw(62, 620);
    for (let k = 0; k < train.count; k++) {
      const image = train.pixels.subarray(k * PIXELS, (k + 1) * PIXELS);
      const sorted = image.slice().sort();
      const paper = sorted[PIXELS >> 2]!;
      const inked = image.filter((value) => value > paper + 50).length;
      expect(inked, `example ${k}, ${CHARACTERS[train.classes[k]!]}`).toBeGreaterThan(20);
      expect(inked).toBeLessThan(PIXELS / 2);
    }
  });

  it("looks more like its own character than like others, on average over many", () => {
    // nearest of the class means: far above chance, far below what a network reaches
    const { train, test } = { train: draw(10, 2000).train, test: draw(10, 2000, 99).train };
    const means = Array.from({ length: 10 }, () => new Float64Array(PIXELS));
    train.pixels.forEach((value, k) => {
      means[train.classes[Math.floor(k / PIXELS)]!]![k % PIXELS]! += value / 200;
    });
    let correct = 0;
    for (let k = 0; k < 500; k++) {
      const image = test.pixels.subarray(k * PIXELS, (k + 1) * PIXELS);
      const distances = means.map((mean) => mean.reduce((sum, m, p) => sum + (m - image[p]!) ** 2, 0));
      if (distances.indexOf(Math.min(...distances)) === test.classes[k]) correct++;
    }
    expect(correct / 500).toBeGreaterThan(0.3);
    expect(correct / 500).toBeLessThan(0.85);
  });

  it("is normalised by its own mean and standard deviation", () => {
    const { train } = draw(62, 6200);
    const x = new Float32Array(6200 * PIXELS);
    train.fillInto(
      x,
      Array.from({ length: 6200 }, (_, k) => k),
    );
    const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
    const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length;
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(Math.sqrt(variance) - 1)).toBeLessThan(0.05);
    const [m, s] = [GLYPH_NORMALISATION.mean[0]!, GLYPH_NORMALISATION.std[0]!];
    expect(x[100]).toBeCloseTo((train.pixels[100]! / 255 - m) / s, 5);
  });

  it.each([
    [{ classCount: 1 }, "classes: got 1, expected a whole number from 2 to 62"],
    [{ classCount: 63 }, "classes: got 63"],
    [{ classCount: 10.5 }, "classes: got 10.5"],
    [{ trainCount: 0 }, "training examples: got 0"],
    [{ testCount: -1 }, "test examples: got -1"],
    [{ testCount: Number.NaN }, "test examples: got NaN"],
  ])("refuses %j", (change, message) => {
    expect(() => glyphs({ classCount: 10, trainCount: 10, testCount: 10, seed: 0, ...change })).toThrow(
      message,
    );
  });
});

describe("contactSheet", () => {
  it("sets images in rows with a pixel between them, ink dark", () => {
    const images = Uint8Array.from([255, 0, 0, 0, /* second */ 0, 0, 0, 100, /* third */ 9, 9, 9, 9]);
    const sheet = contactSheet(images, 2, 2);
    expect([sheet.width, sheet.height]).toEqual([7, 7]);
    const rows = Array.from({ length: 7 }, (_, y) => [...sheet.pixels.subarray(7 * y, 7 * y + 7)]);
    expect(rows[0]).toEqual([255, 255, 255, 255, 255, 255, 255]);
    expect(rows[1]).toEqual([255, 0, 255, 255, 255, 255, 255]);
    expect(rows[2]).toEqual([255, 255, 255, 255, 255, 155, 255]);
    expect(rows[4]).toEqual([255, 246, 246, 255, 255, 255, 255]);
  });

  it("enlarges", () => {
    const sheet = contactSheet(Uint8Array.from([255]), 1, 1, 3);
    expect([sheet.width, sheet.height]).toEqual([5, 5]);
    expect([...sheet.pixels].filter((value) => value === 0)).toHaveLength(9);
  });
});
