import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layerMeasures, Masks, zooModel } from "@phew/core";
import { writeMasks } from "@phew/formats";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readUnitCounts } from "../src/index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "phew-units-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const origin = {
  method: "random",
  options: {},
  seed: 0,
  requestedDensity: 0.5,
  weightsDigest: "",
  version: "0",
} as const;

it("the kept weights that enter each unit add up to those of the layer, and units without any are the rest of its width", async () => {
  const network = zooModel("lenet5");
  const masks = Masks.dense(network);
  // every third weight goes
  for (let w = 0; w < masks.bytes.length; w += 3) masks.bytes[w] = 0;
  const measures = layerMeasures(masks);
  await writeMasks(join(folder, "masks.safetensors"), masks, origin);
  const units = await readUnitCounts(folder, measures);
  expect(units?.map(({ name }) => name)).toEqual(measures.map(({ name }) => name));
  for (const [l, { keptIn, fanIn }] of units!.entries()) {
    const layer = measures[l]!;
    expect(keptIn.reduce((sum, count) => sum + count, 0)).toBe(layer.keptCount);
    expect(keptIn.length * fanIn).toBe(layer.count);
    expect(keptIn.filter((count) => count > 0).length / keptIn.length).toBe(layer.width);
  }
});

it("there are none without masks, or where the file is damaged", async () => {
  expect(await readUnitCounts(folder, [])).toBeUndefined();
  writeFileSync(join(folder, "masks.safetensors"), "no masks");
  expect(await readUnitCounts(folder, [])).toBeUndefined();
});
