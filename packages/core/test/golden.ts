/** The four golden networks of the shared folder (see its README.md), built by hand, with what PyTorch computed. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { NetworkBuilder, type Value } from "../src/network/builder.ts";
import type { Network } from "../src/network/network.ts";
import { type FloatTensor, type Weights, weightsFor } from "../src/weights/weights.ts";

/** The shared folder is beside the checkout. */
export const GOLDEN = fileURLToPath(new URL("../../../../shared/golden/", import.meta.url));

/** False if the golden files are absent: tests that read them are skipped. */
export const goldenPresent = existsSync(GOLDEN);

export const GOLDEN_NAMES = ["mlp", "convnet", "resnet-small", "depthwise"] as const;
export type GoldenName = (typeof GOLDEN_NAMES)[number];

export interface GoldenFacts {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly prunable: number;
  /** All trained parameters. */
  readonly parameters: number;
  readonly densities: readonly number[];
  readonly sum_squared_path_products_no_bias: number;
  readonly path_kernel_trace_no_bias: number;
  readonly phew_runs?: number;
  /** Density → mean number of walks. */
  readonly phew_mean_walks?: Readonly<Record<string, number>>;
}

export const goldenFacts = (name: GoldenName): GoldenFacts =>
  JSON.parse(readFileSync(`${GOLDEN}${name}/facts.json`, "utf8"));

export const goldenWeights = (name: GoldenName): Weights =>
  weightsFor(goldenNetwork(name), readTensors(`${GOLDEN}${name}/weights.safetensors`), name);

/** The structure of `model.onnx`, under PyTorch's parameter names. */
export function goldenNetwork(name: GoldenName): Network {
  return structures[name]();
}

const structures: Record<GoldenName, () => Network> = {
  mlp() {
    const b = new NetworkBuilder("golden-mlp", [24]);
    const x = b.relu(b.dense("2", b.relu(b.dense("0", b.input, 32)), 16));
    return b.build(b.dense("4", x, 5));
  },
  convnet() {
    const b = new NetworkBuilder("golden-convnet", [3, 8, 8]);
    let x = b.relu(b.conv2d("0", b.input, { outChannels: 8, kernel: 3, padding: 1 }));
    x = b.maxPool2d(x, { kernel: 2 });
    x = b.relu(b.conv2d("3", x, { outChannels: 16, kernel: 3, stride: 2, padding: 1 }));
    return b.build(b.dense("6", b.flatten(x), 10));
  },
  "resnet-small"() {
    const b = new NetworkBuilder("golden-resnet-small", [3, 8, 8]);
    const norm = (conv: string, bn: string, x: Value, outChannels: number, kernel: number, stride: number) =>
      b.batchNorm(bn, b.conv2d(conv, x, { outChannels, kernel, stride, padding: kernel >> 1, bias: false }));
    let x = b.relu(norm("conv1", "bn1", b.input, 8, 3, 1));
    let y = b.relu(norm("blocks.0.conv1", "blocks.0.bn1", x, 8, 3, 1));
    x = b.relu(b.add(norm("blocks.0.conv2", "blocks.0.bn2", y, 8, 3, 1), x));
    y = b.relu(norm("blocks.1.conv1", "blocks.1.bn1", x, 16, 3, 2));
    y = norm("blocks.1.conv2", "blocks.1.bn2", y, 16, 3, 1);
    x = b.relu(b.add(y, norm("blocks.1.shortcut.0", "blocks.1.shortcut.1", x, 16, 1, 2)));
    return b.build(b.dense("fc", b.flatten(b.globalAveragePool(x)), 10));
  },
  depthwise() {
    const b = new NetworkBuilder("golden-depthwise", [3, 8, 8]);
    let x: Value = b.input;
    for (const [index, outChannels, kernel, stride, groups] of [
      [0, 8, 3, 1, 1],
      [3, 8, 3, 1, 8],
      [6, 16, 1, 1, 1],
      [9, 16, 3, 2, 16],
      [12, 24, 1, 1, 1],
    ] as const) {
      const options = { outChannels, kernel, stride, groups, padding: kernel >> 1, bias: false };
      x = b.relu(b.batchNorm(`${index + 1}`, b.conv2d(`${index}`, x, options)));
    }
    return b.build(b.dense("17", b.flatten(b.globalAveragePool(x)), 10));
  },
};

/**
 * Tensors of a golden safetensors file as float32 (F64 and I64 rounded); others are left out. For tests only: nothing
 * is validated.
 */
export function readTensors(path: string): Map<string, FloatTensor> {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(file.toString("utf8", 8, 8 + headerLength));
  const tensors = new Map<string, FloatTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [start, end] = entry.data_offsets.map((offset) => 8 + headerLength + offset) as [number, number];
    // a copy starts at an aligned address
    const bytes = new Uint8Array(file.subarray(start, end));
    if (entry.dtype === "F32")
      tensors.set(name, { shape: entry.shape, data: new Float32Array(bytes.buffer) });
    if (entry.dtype === "F64")
      tensors.set(name, { shape: entry.shape, data: Float32Array.from(new Float64Array(bytes.buffer)) });
    if (entry.dtype === "I64")
      tensors.set(name, {
        shape: entry.shape,
        data: Float32Array.from(new BigInt64Array(bytes.buffer), Number),
      });
    if (entry.dtype === "I64") {
      const data = Float32Array.from(new BigInt64Array(bytes.buffer), Number);
      tensors.set(name, { shape: entry.shape, data });
    }
    if (entry.dtype === "U8") tensors.set(name, { shape: entry.shape, data: Float32Array.from(bytes) });
  }
  return tensors;
}
