/** How far outputs are from those that another program computed: out of a file, or by onnxruntime on the spot. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ArgumentError, type Masks } from "@phew/core";
import {
  areNormalised,
  exportModel,
  fileExamples,
  float32Tensor,
  type LeftOutSoftmax,
  modelInputs,
  readOnnxInterface,
  readTensors,
  type Tensor,
  type Tensors,
  toFloat32,
  withSoftmaxes,
  writeNpz,
} from "@phew/formats";
import { Failure } from "../failure.ts";
import type { LoadedModel } from "../sources/model.ts";

/** This word in place of a file means: run onnxruntime. */
export const ONNXRUNTIME = "onnxruntime";

export interface Difference {
  /** Largest |own − expected|. */
  readonly absolute: number;
  /** The same over the largest |expected|. */
  readonly relative: number;
  /** Example, then index in its output, of the largest. */
  readonly at: readonly number[];
  readonly own: number;
  readonly expected: number;
  /**
   * The softmax at the end of the model's file that the network lacks; it was applied to its outputs before the
   * comparison.
   */
  readonly after?: LeftOutSoftmax["kind"];
}

/** Names that other programs give an only output; `y` last, since labels bear it too. */
const USUAL_NAMES = ["logits", "out", "output", "outputs", "y"];
const FLOATS = ["F64", "F32", "F16", "BF16"];

/**
 * The expected values of an output among a file's tensors.
 * @param name of the output in its model; undefined if the model does not name it
 * @param shape `[count, ...]`, of the output
 * @throws ArgumentError if no possible name has floats of that shape
 */
export function expectedOutput(
  file: string,
  tensors: Tensors,
  name: string | undefined,
  shape: readonly number[],
): Float32Array {
  const names = name === undefined ? USUAL_NAMES : [name, ...USUAL_NAMES];
  const found = names
    .map((own) => tensors.get(own))
    .find((tensor) => tensor !== undefined && isOutput(tensor, shape));
  if (found !== undefined) return toFloat32(found);
  const held = [...tensors]
    .slice(0, 8)
    .map(([own, tensor]) => `${own} ${tensor.dtype} [${tensor.shape.join(", ")}]`);
  throw new ArgumentError(`${file}: expected outputs`, {
    given: held.length === 0 ? "no tensors" : held.join(", "),
    expected: `floats of shape [${shape.join(", ")}] under one of the names ${names.join(", ")}`,
  });
}

/** Lengths of 1 may be left out: a classifier's output may keep its pixel. */
function isOutput({ dtype, shape }: Tensor, wanted: readonly number[]): boolean {
  const [count, ...rest] = shape;
  const plain = (lengths: readonly number[]) => lengths.filter((length) => length !== 1).join();
  return FLOATS.includes(dtype) && count === wanted[0] && plain(rest) === plain(wanted.slice(1));
}

/** @param shape `[count, ...]`, of both */
function differenceOf(own: Float32Array, expected: Float32Array, shape: readonly number[]): Difference {
  let worst = -1;
  let absolute = 0;
  let largest = 0;
  for (let k = 0; k < own.length; k++) {
    const both = own[k] === expected[k] || (Number.isNaN(own[k]) && Number.isNaN(expected[k]));
    const distance = both ? 0 : Math.abs(own[k]! - expected[k]!);
    // NaN beside a number is the greatest possible difference
    const difference = Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
    if (worst < 0 || difference > absolute) [worst, absolute] = [k, difference];
    if (Number.isFinite(expected[k])) largest = Math.max(largest, Math.abs(expected[k]!));
  }
  const at: number[] = [];
  for (let axis = shape.length - 1, rest = worst; axis >= 0; axis--) {
    at.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return {
    absolute,
    relative: absolute === 0 ? 0 : absolute / largest,
    at,
    own: own[worst]!,
    expected: expected[worst]!,
  };
}

/**
 * Distance of the logits from another program's values, which may be after the softmax that was left out here.
 * @param isPast true: they are; else the values decide, which then sum to 1
 */
export function differenceOfLogits(
  own: Float32Array,
  expected: Float32Array,
  shape: readonly number[],
  softmaxes: readonly LeftOutSoftmax[],
  isPast: boolean,
): Difference {
  const last = softmaxes.at(-1);
  if (last === undefined || !(isPast || areNormalised(expected, softmaxes)))
    return differenceOf(own, expected, shape);
  return { ...differenceOf(withSoftmaxes(own, softmaxes), expected, shape), after: last.kind };
}

/** Runs a model on examples, in parts of the size that it wants; arguments: model, examples, results, size, inputs, names. */
const SCRIPT = `
import sys, json, numpy as np, onnxruntime as ort
model, given, results, size, inputs, names = sys.argv[1:6] + [sys.argv[6:]]
options = ort.SessionOptions(); options.log_severity_level = 3
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
wanted = {i.name: i for i in session.get_inputs()}
types = {"tensor(float16)": np.float16, "tensor(double)": np.float64}
given = np.load(given)
x = {n: given[f"i{k}"].astype(types.get(wanted[n].type, np.float32)) for k, n in enumerate(json.loads(inputs))}
size = int(size); count = len(next(iter(x.values()))); parts = {name: [] for name in names}
for first in range(0, count, size):
    part = {n: v[first:first + size] for n, v in x.items()}; own = min(size, count - first)
    if own < size: part = {n: np.concatenate([v, np.repeat(v[-1:], size - own, 0)]) for n, v in part.items()}
    for name, value in zip(names, session.run(names, part)): parts[name].append(value[:own])
np.savez(results, **{f"o{k}": np.concatenate(parts[name]).astype(np.float32) for k, name in enumerate(names)})
`;
/** Examples at a time if the file leaves it open. */
const CHUNK = 64;

/**
 * Outputs of an ONNX model by onnxruntime; with masks, of the model as `--form zeroed` writes it.
 * @param model path of the file
 * @param x `[count, ...inputShape]`
 * @returns by name, `[count, ...]`
 * @throws Failure if python3 has no onnxruntime, or if that cannot run the model
 */
export async function runOnnxruntime(
  model: string,
  loaded: LoadedModel,
  masks: Masks | undefined,
  x: Float32Array,
  count: number,
): Promise<Tensors> {
  const folder = mkdtempSync(path.join(tmpdir(), "phew-compare-"));
  try {
    const { outputs, batch } = await readOnnxInterface(model);
    let file = path.resolve(model);
    if (masks !== undefined) {
      file = path.join(folder, "zeroed.onnx");
      await exportModel(file, loaded.source, masks, "zeroed");
    }
    const given = path.join(folder, "x.npz");
    const results = path.join(folder, "results.npz");
    const inputs = modelInputs(loaded.source);
    const own = fileExamples(inputs, x, count).map((values, k): [string, Tensor] => [
      `i${k}`,
      float32Tensor([count, ...inputs[k]!.shape], values),
    ]);
    await writeNpz(given, new Map(own));
    // examples of a padded part are cut off again, so a batch larger than the file's own number costs little
    const size = batch ?? Math.min(CHUNK, count);
    const inputNames = JSON.stringify(inputs.map(({ name }) => name));
    const run = spawnSync(
      "python3",
      ["-c", SCRIPT, file, given, results, String(size), inputNames, ...outputs],
      {
        encoding: "utf8",
      },
    );
    if (run.error !== undefined || run.status !== 0) throw new Failure(reasonOf(run));
    const { tensors } = await readTensors(results);
    return new Map(outputs.map((name, k) => [name, tensors.get(`o${k}`)!]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function reasonOf({ error, stderr }: { error?: Error | undefined; stderr: string | null }): string {
  if (error !== undefined)
    return "--compare onnxruntime: python3 cannot be started. Install it, or compare with a file.";
  const last = (stderr ?? "").trim().split("\n").at(-1) ?? "";
  if (/No module named/.test(last))
    return `--compare onnxruntime: python3 lacks it (${last}). Install it with pip install onnxruntime numpy, or compare with a file.`;
  return `--compare onnxruntime: it cannot run the model: ${last.slice(0, 500)}`;
}
