/** Masks of biases beside those of weights, as torch.nn.utils.prune leaves them: applied, or refused; never passed over. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { boolTensor, float32Tensor, readSafetensors, safetensorsChunks, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { onnxFile } from "../../../packages/formats/test/onnxFile.ts";
import { phew, scratchFolder } from "./phew.ts";

/** One dense layer of 2 features to 3, of which no unit is dead. */
const weight = [1, 2, -1, 0.5, 0, 3];
const bias = [0.5, -2, 4];
const kept = { weight: [1, 1, 0, 1, 0, 1], bias: [1, 0, 1] };
const x = [1, -1, 0.25, 2];
const y = [0, 1].flatMap((n) =>
  [0, 1, 2].map((o) => {
    const own = (i: number) => x[2 * n + i]! * weight[2 * o + i]! * kept.weight[2 * o + i]!;
    return own(0) + own(1) + bias[o]! * kept.bias[o]!;
  }),
);

function place(): string {
  const folder = scratchFolder();
  const write = (name: string, content: Uint8Array | string) =>
    writeFileSync(path.join(folder, name), content);
  const tensors = (name: string, content: Record<string, ReturnType<typeof float32Tensor>>) =>
    write(name, Buffer.concat(safetensorsChunks(new Map(Object.entries(content)))));
  write(
    "m.onnx",
    onnxFile({
      nodes: [{ op: "Gemm", in: ["x", "fc.weight", "fc.bias"], out: ["y"], attributes: { transB: 1 } }],
      inputs: { x: ["n", 2] },
      outputs: { y: ["n", 3] },
      tensors: { "fc.weight": { dims: [3, 2], values: weight }, "fc.bias": { dims: [3], values: bias } },
    }),
  );
  tensors("x.safetensors", { x: float32Tensor([2, 2], Float32Array.from(x)) });
  tensors("state.safetensors", {
    "fc.weight_orig": float32Tensor([3, 2], Float32Array.from(weight)),
    "fc.weight_mask": boolTensor([3, 2], Uint8Array.from(kept.weight)),
    "fc.bias_orig": float32Tensor([3], Float32Array.from(bias)),
    "fc.bias_mask": boolTensor([3], Uint8Array.from(kept.bias)),
  });
  return folder;
}

const outputs = async (folder: string, ...args: string[]) => {
  const ran = await phew(
    ["predict", ...args, "--batch", "x.safetensors", "--out", "y.safetensors", "--force"],
    folder,
  );
  expect(ran.stderr).toBe("");
  const { tensors } = await readSafetensors(path.join(folder, "y.safetensors"));
  return { said: ran.stdout, values: [...toFloat32(tensors.get("logits")!)] };
};
const NOTE = /note: state\.safetensors masks fc\.bias too/;

describe("masks of biases", () => {
  it.each([
    ["the weights of another file", ["m.onnx"]],
    ["the file's own weights", ["state.safetensors", "--architecture", "m.onnx"]],
  ])("are applied to %s, with a word", async (_, model) => {
    const { said, values } = await outputs(place(), ...model, "--masks", "state.safetensors");
    expect(values).toEqual(y);
    expect(said).toMatch(NOTE);
  });

  it.each(["zeroed", "compact", "original+masks"])("are in what is exported as %s", async (form) => {
    const folder = place();
    const made = await phew(
      ["export", "m.onnx", "--masks", "state.safetensors", "--form", form, "--out", "made.onnx"],
      folder,
    );
    expect([made.exitCode, made.stderr]).toEqual([0, ""]);
    expect(made.stdout).toMatch(NOTE);
    expect((await outputs(folder, "made.onnx")).values).toEqual(y);
  });

  it.each([
    ["export m.onnx --masks state.safetensors --form masks --out made.safetensors"],
    ["prune m.onnx --within state.safetensors --density 0.3 --out made.safetensors"],
    ["prune m.onnx --from state.safetensors --density 0.9 --method magnitude --out made.safetensors"],
  ])("are refused where masks alone would be kept: %s", async (command) => {
    const { exitCode, stderr } = await phew(command.split(" "), place());
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/state\.safetensors: got masks of fc\.bias.*prune\.remove\(module, "bias"\)/);
  });

  it("leave zeros in the weights that are pruned further, with a word", async () => {
    const folder = place();
    const model = ["state.safetensors", "--architecture", "m.onnx"];
    const within = ["--within", "state.safetensors", "--density", "0.67", "--out", "less.safetensors"];
    const pruned = await phew(["prune", ...model, ...within], folder);
    expect([pruned.exitCode, pruned.stderr]).toEqual([0, ""]);
    expect(pruned.stdout).toMatch(NOTE);
    const { values } = await outputs(folder, ...model, "--masks", "less.safetensors");
    // all that is left
    expect(values).toEqual(y);
  });
});
