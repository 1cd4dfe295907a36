/** Names of the state dict for weights that exporters named anew, and doubts where the file does not tell them. */
import { describe, expect, it } from "vitest";
import { importOnnx } from "../src/index.ts";
import { looseOnnx } from "../src/onnx/looseOnnx.ts";
import { readParts } from "../src/onnx/parts.ts";
import { memorySource } from "../src/onnx/source.ts";
import { onnxCases } from "./onnxCases.ts";
import { type File, type FileNode, onnxFile, tensor } from "./onnxFile.ts";

const found = (file: File) => {
  const bytes = onnxFile({ producer: "pytorch", inputs: { x: ["n", 4] }, outputs: { y: ["n", 4] }, ...file });
  const loose = looseOnnx(readParts(memorySource(bytes, "model")), undefined, { name: "model" });
  return Object.fromEntries(loose.stored.map(({ name, doubt }) => [name, doubt]));
};
const dense = (name: string, weight: string, given: Partial<FileNode> = {}): File["nodes"][number] => ({
  op: "MatMul",
  name,
  in: ["x", weight],
  out: ["y"],
  ...given,
});
const square = tensor([4, 4], 1);
const call = (parameter: string, kind: string) => ({
  metadata: {
    "pkg.torch.onnx.name_scopes": "['', 'block', 'block.attn', 'linear']",
    "pkg.torch.onnx.class_hierarchy": `['net.Net', 'net.Block', '${kind}', 'aten.linear.default']`,
    "pkg.torch.onnx.fx_node": `%linear : call_function[target=…](args = (%x, ${parameter}), kwargs = {})`,
  },
});

describe("the weight of the newer exporter's layer", () => {
  it.each([
    ["%p_block_attn_qkv_weight", "block.attn.qkv.weight"],
    ["%p_block_attn_in_proj_weight", "block.attn.in_proj_weight"],
    ["%p_block_attn_weight", "block.attn.weight"],
  ])("that was called with %s is %s", (parameter, name) => {
    const tensors = { val_1: square };
    expect(found({ nodes: [dense("n", "val_1", call(parameter, "net.Attention"))], tensors })).toEqual({
      [name]: undefined,
    });
  });

  it("has a doubtful name where the call is not that of a layer and does not tell it", () => {
    const read = (kind: string) =>
      found({ nodes: [dense("n", "val_1", call("%slice_3", kind))], tensors: { val_1: square } });
    expect(read("torch.nn.modules.linear.Linear")).toEqual({ "block.attn.weight": undefined });
    expect(read("net.Attention")).toEqual({ "block.attn.weight": expect.stringContaining("does not tell") });
  });

  it("is one for all calls of its module, where it was turned anew for each", async () => {
    const { file } = onnxCases.find(({ name }) => name.includes("turned anew"))!;
    const { prunable } = (await importOnnx(onnxFile(file))).network;
    expect(prunable.map(({ name, nodes }) => [name, nodes.length])).toEqual([
      ["block.attn.qkv.weight", 2],
      ["fc.weight", 1],
    ]);
    // other elements are another weight, whatever the file says
    const tensors = { ...file.tensors, val_8: tensor([5, 5], 9) };
    expect((await importOnnx(onnxFile({ ...file, tensors }))).network.prunable).toHaveLength(3);
  });
});

describe("the weight of the older exporter's layer", () => {
  const inner = "/model/decoder/layers.1/fc/MatMul";
  const norm: FileNode = {
    op: "Mul",
    name: "/model/decoder/layers.1/norm/Mul",
    in: ["y", "model.model.decoder.layers.1.norm.weight"],
    out: ["z"],
  };
  const tensors = { "onnx::MatMul_7": square, "model.model.decoder.layers.1.norm.weight": tensor([4], 2) };

  it("has the steps of its path that tensors beside it have", () => {
    expect(
      found({ nodes: [dense(inner, "onnx::MatMul_7"), norm], tensors, outputs: { z: ["n", 4] } }),
    ).toEqual({
      "model.model.decoder.layers.1.fc.weight": undefined,
    });
  });

  it("has those of its bias, though that may be stored under the name of another layer", () => {
    const biased: FileNode = { op: "Add", in: ["y", "model.model.decoder.layers.0.fc.bias"], out: ["z"] };
    const own = { "onnx::MatMul_7": square, "model.model.decoder.layers.0.fc.bias": tensor([4], 2) };
    const nodes = [dense(inner, "onnx::MatMul_7"), biased];
    expect(found({ nodes, tensors: own, outputs: { z: ["n", 4] } })).toEqual({
      "model.model.decoder.layers.1.fc.weight": undefined,
    });
  });

  it("has a doubtful name where no tensor tells, and where a convolution's was computed", () => {
    const other: FileNode = { ...norm, name: "/other/norm/Mul", in: ["y", "net.other.norm.weight"] };
    const far = { "onnx::MatMul_7": square, "net.other.norm.weight": tensor([4], 2) };
    const nodes = [dense(inner, "onnx::MatMul_7"), other];
    expect(found({ nodes, tensors: far, outputs: { z: ["n", 4] } })).toEqual({
      "model.decoder.layers.1.fc.weight": expect.stringContaining("does not tell"),
    });
    const convolution: FileNode = {
      op: "Conv",
      name: "/conv/Conv",
      in: ["x", "onnx::Conv_3", "conv.bias"],
      out: ["y"],
    };
    const own = { "onnx::Conv_3": tensor([4, 3, 3, 3], 1), "conv.bias": tensor([4], 2) };
    expect(found({ nodes: [convolution], tensors: own, inputs: { x: ["n", 3, 8, 8] } })).toEqual({
      "conv.weight": expect.stringContaining("computed by its module"),
    });
  });
});
