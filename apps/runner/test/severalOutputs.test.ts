/** Verbs on a model file of several outputs: all of them, or the one that `--output` names. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { readSafetensors, toFloat32, writeSafetensors } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { float32Tensor } from "../../../packages/formats/src/tensor.ts";
import { type File, onnxFile, tensor } from "../../../packages/formats/test/onnxFile.ts";
import { phew, scratchFolder } from "./phew.ts";

const relu = (x: string, y: string) => ({ op: "Relu", in: [x], out: [y] });
const gemm = (x: string, w: string, y: string) => ({
  op: "Gemm",
  in: [x, w],
  out: [y],
  attributes: { transB: 1 },
});
/** A classifier with an auxiliary one that reads its first layer. */
const file: File = {
  nodes: [gemm("x", "stem", "s"), relu("s", "h"), gemm("h", "fc", "logits"), gemm("h", "aux", "aux_logits")],
  inputs: { x: ["n", 6] },
  outputs: { logits: ["n", 3], aux_logits: ["n", 2] },
  tensors: { stem: tensor([8, 6], 1), fc: tensor([3, 8], 2), aux: tensor([2, 8], 3) },
};
const COUNT = 4;

async function place(): Promise<string> {
  const folder = scratchFolder();
  writeFileSync(path.join(folder, "m.onnx"), onnxFile(file));
  const x = float32Tensor(
    [COUNT, 6],
    Float32Array.from({ length: COUNT * 6 }, (_, k) => ((k * 7) % 11) - 5),
  );
  const y = { dtype: "I64" as const, shape: [COUNT], data: new Uint8Array(new BigInt64Array(COUNT).buffer) };
  const batch = new Map([
    ["x", x],
    ["y", y],
  ]);
  await writeSafetensors(path.join(folder, "b.safetensors"), batch);
  return folder;
}
const tensorsOf = async (folder: string, name: string) =>
  (await readSafetensors(path.join(folder, name))).tensors;

describe("a model of several outputs", () => {
  it("is pruned, measured, exported and computed with all of them", async () => {
    const folder = await place();
    const run = async (...args: string[]) => {
      const outcome = await phew(args, folder);
      expect([outcome.exitCode, outcome.stderr]).toEqual([0, ""]);
      return outcome.stdout;
    };
    await run("prune", "m.onnx", "--density", "0.4", "--out", "k.safetensors");
    const masks = await tensorsOf(folder, "k.safetensors");
    expect([...masks.keys()].sort()).toEqual(["aux_mask", "fc_mask", "stem_mask"]);
    const analysis = JSON.parse(await run("analyze", "m.onnx", "--masks", "k.safetensors", "--json"));
    expect(analysis.layers.map(({ name }: { name: string }) => name).sort()).toEqual(["aux", "fc", "stem"]);
    expect(analysis.ineffectiveCount).toBe(0);
    await run(
      "predict",
      "m.onnx",
      "--masks",
      "k.safetensors",
      "--batch",
      "b.safetensors",
      "--out",
      "a.safetensors",
    );
    await run("export", "m.onnx", "--masks", "k.safetensors", "--form", "compact", "--out", "small.onnx");
    await run("predict", "small.onnx", "--batch", "b.safetensors", "--out", "c.safetensors");
    const [own, compact] = [
      await tensorsOf(folder, "a.safetensors"),
      await tensorsOf(folder, "c.safetensors"),
    ];
    expect([...own.keys()].sort()).toEqual(["aux_logits", "logits"]);
    for (const [name, values] of own) {
      const other = toFloat32(compact.get(name)!);
      for (const [k, value] of toFloat32(values).entries()) expect(value).toBeCloseTo(other[k]!, 5);
    }
  });

  it("is refused where a loss is taken, with a remedy that works", async () => {
    const folder = await place();
    const snip = ["prune", "m.onnx", "--method", "snip", "--batch", "b.safetensors", "--density", "0.4"];
    const analyze = ["analyze", "m.onnx", "--batch", "b.safetensors"];
    const compare = ["compare", "m.onnx", "--method", "snip", "--batch", "b.safetensors", "--density", "0.5"];
    for (const args of [snip, analyze, compare]) {
      const refused = await phew(args, folder);
      expect([refused.exitCode, refused.stderr]).toEqual([
        2,
        expect.stringMatching(
          /got a model with 2 outputs \(logits, aux_logits\).*Choose it: --output logits/s,
        ),
      ]);
      const chosen = await phew([...args, "--output", "logits"], folder);
      expect([chosen.exitCode, chosen.stderr]).toEqual([0, ""]);
    }
  });

  it("is the network of the one output that is named: masks of its weights, the others kept and said so", async () => {
    const folder = await place();
    const one = ["--output", "logits"];
    expect(
      (await phew(["prune", "m.onnx", "--density", "0.4", "--out", "k.safetensors", ...one], folder))
        .exitCode,
    ).toBe(0);
    expect([...(await tensorsOf(folder, "k.safetensors")).keys()].sort()).toEqual(["fc_mask", "stem_mask"]);
    const given = ["m.onnx", "--masks", "k.safetensors", ...one];
    expect((await phew(["analyze", ...given], folder)).exitCode).toBe(0);
    const exported = await phew(["export", ...given, "--out", "z.onnx"], folder);
    expect([exported.exitCode, exported.stdout]).toEqual([
      0,
      expect.stringMatching(/other outputs \(aux_logits\) are kept/),
    ]);
    const both = await phew(
      ["predict", "z.onnx", "--batch", "b.safetensors", "--out", "a.safetensors"],
      folder,
    );
    expect(both.exitCode).toBe(0);
    expect([...(await tensorsOf(folder, "a.safetensors")).keys()].sort()).toEqual(["aux_logits", "logits"]);
  });

  it("is no name of the zoo: --output is refused there", async () => {
    const refused = await phew(["prune", "mlp", "--density", "0.5", "--output", "logits"]);
    expect([refused.exitCode, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/--output: got it for mlp/),
    ]);
  });
});
