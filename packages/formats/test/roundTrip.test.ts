/** What is written is read: random networks in every form, read again, predict as the masked network does. */
import { compactNetwork, type Masks, maskedWeights, type Network, type Weights } from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount, testSeed } from "../../../vitest.long.ts";
import {
  EXPORT_FORMS,
  type ExportForm,
  exportModel,
  exportOnnx,
  type ImportedOnnx,
  importOnnx,
  type OnnxForm,
  readOnnx,
  readTensors,
  type Tensors,
  toFloat32,
} from "../src/index.ts";
import { ONNX_FORMS } from "../src/onnx/exportOnnx.ts";
import { folded } from "../src/onnx/importGraph.ts";
import { readTfjs } from "../src/tfjs/importTfjs.ts";
import { writeNetworkAsTfjs } from "../src/tfjs/networkAsTfjs.ts";
import { masksFor } from "./masks.ts";
import { onnxFile } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, predict, type RuntimeCase, runOnnx } from "./onnxRun.ts";
import { IN_TENSORFLOW, randomNetwork } from "./randomNetwork.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const runs = (count: number) => ({
  numRuns: caseCount(count, 20 * count),
  seed: testSeed(12),
});
const COUNT = 2;

/** A random network with masks, and what it gives. */
const masked = async (file: Parameters<typeof onnxFile>[0], seed: number) => {
  const model = await importOnnx(onnxFile(file));
  const { network } = model;
  // the file's weights, or weights that were trained since
  const weights: Weights =
    seed % 2 === 0 ? model.weights : new Map([...model.weights].map(([name, own]) => [name, trained(own)]));
  const masks = masksFor(network, seed, [0.7, 0.2, 0.02][seed % 3]);
  const x = batchFor(network, COUNT);
  const expected = predict(network, maskedWeights(weights, masks), x, COUNT);
  const given = seed % 2 === 0 ? {} : { weights };
  return { model, network, weights, given, masks, x, expected };
};
const trained = (values: Float32Array) => values.map((value) => value * 0.75 + 0.03125);

const largest = (values: Float64Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
const expectOutput = (
  network: Network,
  weights: Weights,
  x: Float32Array,
  expected: Float64Array,
  what: string,
) =>
  expect(distance(predict(network, weights, x, COUNT), expected), what).toBeLessThan(
    1e-5 * largest(expected),
  );

describe("a random network, masked, comes back with the same output", () => {
  it("from ONNX in every form, and from onnxruntime where that is installed", {
    timeout: 600_000,
  }, async () => {
    const written: (RuntimeCase & { expected: Float64Array })[] = [];
    const property = fc.asyncProperty(randomNetwork(), fc.nat(), async (file, seed) => {
      const { model, network, given, masks, x, expected } = await masked(file, seed);
      for (const form of ONNX_FORMS) {
        const { model: chunks } = await exportOnnx(model, masks, form, given);
        const bytes = new Uint8Array(Buffer.concat([...chunks]));
        const again = await importOnnx(bytes);
        expectOutput(again.network, again.weights, x, expected, form);
        const name = `${written.length}: ${form}`;
        written.push({ name, model: bytes, x, shape: [COUNT, ...network.inputShape], expected });
      }
    });
    await fc.assert(property, runs(50));
    if (!hasRuntime) return;
    const outputs = runOnnx(scratch("ran"), written);
    for (const { name, expected } of written)
      expect(distance(outputs.get(name)!, expected), name).toBeLessThan(1e-4 * largest(expected));
  });

  it("from ONNX that was written twice, in any two forms", { timeout: 600_000 }, async () => {
    const form = fc.constantFrom(...ONNX_FORMS);
    const rewritten = async (model: ImportedOnnx, masks: Masks, as: OnnxForm) => {
      const { model: chunks } = await exportOnnx(model, masks, as);
      return importOnnx(new Uint8Array(Buffer.concat([...chunks])));
    };
    const property = fc.asyncProperty(
      randomNetwork(),
      fc.nat(),
      form,
      form,
      async (file, seed, first, second) => {
        const { model, masks, x } = await masked(file, seed);
        const once = await rewritten(model, masks, first);
        const more = masksFor(once.network, seed + 1);
        const expected = predict(once.network, maskedWeights(once.weights, more), x, COUNT);
        const twice = await rewritten(once, more, second);
        expectOutput(twice.network, twice.weights, x, expected, `${first}, then ${second}`);
      },
    );
    await fc.assert(property, runs(40));
  });

  it("from ONNX of its own, in every form", { timeout: 600_000 }, async () => {
    const written: (RuntimeCase & { expected: Float64Array })[] = [];
    const property = fc.asyncProperty(randomNetwork(), fc.nat(), async (file, seed) => {
      const { network, weights, masks, x, expected } = await masked(file, seed);
      for (const form of ONNX_FORMS) {
        const path = scratch(`own-${written.length}.onnx`);
        await exportModel(path, { format: "zoo", network, weights }, masks, form);
        const again = await readOnnx(path);
        expectOutput(again.network, again.weights, x, expected, form);
        const name = `${written.length}: ${form}`;
        written.push({ name, model: path, x, shape: [COUNT, ...network.inputShape], expected });
      }
    });
    await fc.assert(property, runs(30));
    if (!hasRuntime) return;
    const outputs = runOnnx(scratch("ran-own"), written);
    for (const { name, expected } of written)
      expect(distance(outputs.get(name)!, expected), name).toBeLessThan(1e-4 * largest(expected));
  });

  it("from tfjs, zeroed and compact", { timeout: 600_000 }, async () => {
    const property = fc.asyncProperty(randomNetwork(IN_TENSORFLOW), fc.nat(), async (file, seed) => {
      const { network, weights, masks, x, expected } = await masked(file, seed);
      for (const form of ["zeroed", "compact"] as const) {
        const path = scratch("model.json");
        const writing = writeNetworkAsTfjs(path, network, weights, masks, form, { force: true });
        // flattened channels last, an image's features come in another order than those added to them
        const reason = await writing.then(() => undefined, String);
        fc.pre(!reason?.includes("cannot be laid out as TensorFlow's"));
        expect(reason).toBe(undefined);
        const again = await readTfjs(path);
        expectOutput(again.network, again.weights, x, expected, form);
      }
    });
    await fc.assert(property, runs(30));
  });

  it.each([".safetensors", ".npz"])("from %s in every form", { timeout: 600_000 }, async (ending) => {
    const property = fc.asyncProperty(randomNetwork(), fc.nat(), async (file, seed) => {
      const { model, network, weights, given, masks, x, expected } = await masked(file, seed);
      for (const form of EXPORT_FORMS) {
        const path = scratch(`tensors${ending}`);
        await exportModel(path, { format: "onnx", ...model, onnx: model }, masks, form, {
          force: true,
          ...given,
        });
        const { tensors } = await readTensors(path);
        const read = form === "compact" ? compactNetwork(network, weights, masks).network : network;
        const values = weightsIn(tensors, form, read, weights);
        // a module multiplies by its factors itself; the network has them in its weights
        if (form === "zeroed" || form === "original+masks") {
          for (const [name, own] of values) values.set(name, folded(model.onnx.parameters.get(name)!, own));
        }
        expectOutput(read, values, x, expected, form);
      }
    });
    await fc.assert(property, runs(15));
  });
});

/** The weights that a loader makes of a form, as PyTorch's does: masks times originals. */
function weightsIn(
  tensors: Tensors,
  form: ExportForm,
  network: Network,
  weights: Weights,
): Map<string, Float32Array> {
  const values = (name: string) => {
    const tensor = tensors.get(name);
    return tensor && toFloat32(tensor);
  };
  return new Map(
    network.parameters.map(({ name }) => {
      const original = form === "masks" ? weights.get(name)! : (values(name) ?? values(`${name}_orig`)!);
      const mask = values(`${name}_mask`);
      return [name, original.map((value, k) => (mask === undefined ? value : value * mask[k]!))];
    }),
  );
}
