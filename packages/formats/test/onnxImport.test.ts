import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importOnnx, readOnnx } from "../src/index.ts";
import { readSafetensors } from "../src/safetensors.ts";
import { toFloat32 } from "../src/tensor.ts";
import { distance, predict } from "./onnxRun.ts";

const GOLDEN = new URL("../../../../shared/golden/", import.meta.url).pathname;
const FIXTURES = new URL("./fixtures/onnx/", import.meta.url).pathname;
const goldenNames = ["mlp", "convnet", "resnet-small", "depthwise"];
const readBytes = (path: string) => new Uint8Array(readFileSync(path));

describe.skipIf(!existsSync(GOLDEN))("golden ONNX models (skipped where ../shared is absent)", () => {
  it.each(goldenNames)("%s has the parameters of facts.json under their own names", async (name) => {
    const facts = JSON.parse(readFileSync(`${GOLDEN}${name}/facts.json`, "utf8"));
    const { network, notes } = await importOnnx(readBytes(`${GOLDEN}${name}/model.onnx`), { name });
    expect(Object.fromEntries(network.prunable.map((p) => [p.name, p.shape]))).toEqual(facts.shapes);
    expect(network.prunable.map((p) => p.name)).toEqual(Object.keys(facts.shapes));
    expect(network.prunableCount).toBe(facts.prunable);
    expect([...network.inputShape]).toEqual(facts.input);
    expect(notes).toEqual([]);
  });

  it.each(goldenNames)("%s has the weights of its state_dict, bit for bit", async (name) => {
    const { network, weights } = await readOnnx(`${GOLDEN}${name}/model.onnx`);
    const { tensors } = await readSafetensors(`${GOLDEN}${name}/weights.safetensors`);
    for (const { name: parameter } of network.parameters) {
      expect(weights.get(parameter), parameter).toEqual(toFloat32(tensors.get(parameter)!));
    }
  });

  it.each(goldenNames)("%s gives PyTorch's logits", async (name) => {
    const { network, weights } = await readOnnx(`${GOLDEN}${name}/model.onnx`);
    const { tensors } = await readSafetensors(`${GOLDEN}${name}/batch.safetensors`);
    const x = tensors.get("x")!;
    const logits = predict(network, weights, toFloat32(x), x.shape[0]!);
    expect(distance(logits, toFloat32(tensors.get("logits")!))).toBeLessThan(1e-4);
  });

  it("gives the same from bytes in memory and from a file read by parts", async () => {
    const path = `${GOLDEN}resnet-small/model.onnx`;
    const inMemory = await importOnnx(readBytes(path), { name: "model" });
    const byParts = await readOnnx(path);
    expect(byParts.weights).toEqual(inMemory.weights);
    expect(byParts.network).toEqual(inMemory.network);
  });
});

describe("what PyTorch's exporters write (test/fixtures/onnx, made by make.py)", () => {
  const files = readdirSync(FIXTURES).filter((file) => file.endsWith(".onnx"));

  it("covers six structures through the oldest and the newest exporter", () => {
    for (const structure of ["vgg", "resnet18", "resnet50", "mobilenetv2", "densenet", "unet"]) {
      for (const style of ["script9", "kept13", "dynamo22"])
        expect(files).toContain(`${structure}-${style}.onnx`);
    }
  });

  it.each(files)("%s gives PyTorch's logits", async (file) => {
    const { network, weights } = await readOnnx(FIXTURES + file);
    const { tensors } = await readSafetensors(`${FIXTURES}${file.split("-")[0]}.safetensors`);
    const logits = predict(network, weights, toFloat32(tensors.get("x")!), 2);
    expect(distance(logits, toFloat32(tensors.get("logits")!))).toBeLessThan(1e-4);
  });

  it.each(files.filter((file) => file.includes("kept13")))("%s keeps every name and weight", async (file) => {
    const { network, weights } = await readOnnx(FIXTURES + file);
    const { tensors } = await readSafetensors(`${FIXTURES}${file.split("-")[0]}.safetensors`);
    const stored = [...tensors.keys()].filter((name) => name.startsWith("w."));
    expect(network.parameters.map(({ name }) => `w.${name}`).sort()).toEqual(stored.sort());
    for (const { name, shape } of network.parameters) {
      expect(weights.get(name), name).toEqual(toFloat32(tensors.get(`w.${name}`)!));
      expect([...tensors.get(`w.${name}`)!.shape]).toEqual([...shape]);
    }
  });

  it("names convolutions after their own tensors where batch normalisation was folded into them", async () => {
    const { network } = await readOnnx(`${FIXTURES}resnet18-dynamo22.onnx`);
    expect(network.prunable.slice(0, 2).map((p) => p.name)).toEqual([
      "conv1.weight",
      "layer1.0.conv1.weight",
    ]);
    expect(network.nodes.some(({ op }) => op.kind === "batchNorm")).toBe(false);
  });

  it.each(files.filter((file) => file.includes("script9")))(
    "%s: weights whose names the exporter made up bear their modules'",
    async (file) => {
      const { network, notes } = await readOnnx(FIXTURES + file);
      const kept = await readOnnx(FIXTURES + file.replace("script9", "kept13"));
      expect(network.prunable.map(({ name }) => name)).toEqual(kept.network.prunable.map(({ name }) => name));
      const folded = kept.network.nodes.some(({ op }) => op.kind === "batchNorm");
      expect(notes.filter((note) => note.includes("made up the names")).length).toBe(folded ? 1 : 0);
    },
  );
});
