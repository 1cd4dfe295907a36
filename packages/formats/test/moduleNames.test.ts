import { describe, expect, it } from "vitest";
import { isInvented, modulePath } from "../src/onnx/moduleNames.ts";

describe("names of modules in what PyTorch's older exporter writes", () => {
  // node names as torch 2.13 wrote them, beside the keys of the state dict
  it.each([
    ["/conv1/Conv", "conv1"],
    ["/features/features.0/features.0.0/Conv", "features.0.0"],
    ["/features/features.2/features.2.1/features.2.1.0/Conv", "features.2.1.0"],
    ["/features/features.2/features.2.0/conv/Conv", "features.2.0.conv"],
    ["/list.1.0/conv/Conv", "list.1.0.conv"],
    ["/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"],
    ["/0/0.0/Conv", "0.0"],
    ["/layer1/layer1x/Conv", "layer1.layer1x"],
  ])("%s stood in %s", (node, path) => {
    expect(modulePath({ name: node })).toBe(path);
  });

  it.each(["Conv_5", "", "/Conv", "Conv/x", "//Conv", "/a//Conv"])("%j does not tell", (node) => {
    expect(modulePath({ name: node })).toBeUndefined();
  });

  it("are made up where they begin with onnx:: and end with a number", () => {
    expect(["onnx::Conv_75", "onnx::MatMul_101"].every(isInvented)).toBe(true);
    expect(["conv1.weight", "onnx::Conv", "fc.onnx::Conv_1", "75"].some(isInvented)).toBe(false);
  });
});
