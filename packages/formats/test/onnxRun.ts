/** Runs models two ways that share nothing with the importer: the oracle on the network, onnxruntime on the file. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Network, Weights } from "@phew/core";
import { forward, type OracleOp } from "@phew/oracle";
import { values } from "./onnxFile.ts";
import { pythonHas } from "./python.ts";

/** @param x row-major `[count, ...inputShape]` */
export function predict(
  network: Network,
  weights: Weights,
  x: ArrayLike<number>,
  count: number,
): Float64Array {
  const nodes = network.nodes.map(({ name, op, inputs }) => {
    if (op.kind === "opaque") throw new Error(`${name} is opaque: it cannot be computed`);
    return { name, op: op satisfies OracleOp, inputs };
  });
  return forward({ nodes, output: network.output }, weights, x, count).output;
}

/** A batch of inputs, seeded. */
export function batchFor(network: Network, count: number, seed = 7): Float32Array {
  return values(count * network.inputShape.reduce((a, b) => a * b, 1), seed, 2);
}

export const hasRuntime = pythonHas("onnxruntime", "onnx", "numpy");

/** A model to run: its bytes, or the path of its file. */
export interface RuntimeCase {
  readonly name: string;
  readonly model: Uint8Array | string;
  readonly x: Float32Array;
  /** `[count, ...inputShape]` */
  readonly shape: readonly number[];
}

const SCRIPT = `
import sys, json, numpy as np, onnx, onnxruntime as ort
ort.set_default_logger_severity(4)
options = ort.SessionOptions(); options.intra_op_num_threads = 1
# node by node: the runtime folds nodes into one another, too
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
for case in json.load(open(sys.argv[1])):
    try:
        onnx.checker.check_model(case["model"], full_check=True)
        x = np.fromfile(case["x"], np.float32).reshape(case["shape"])
        session = ort.InferenceSession(case["model"], options, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        if given.type == "tensor(float16)": x = x.astype(np.float16)
        if given.type == "tensor(double)": x = x.astype(np.float64)
        y = np.concatenate([y.reshape(len(x), -1) for y in session.run(None, {given.name: x})], 1)
        y.astype(np.float32).tofile(case["y"])
    except Exception as e:
        open(case["y"] + ".error", "w").write(str(e))
`;

/**
 * Outputs by the case's name, several of one example behind one another, in one process for all. The files are checked by onnx first.
 * @param mayRefuse models that onnxruntime does not take are left out, instead of thrown
 */
export function runOnnx(
  folder: string,
  cases: readonly RuntimeCase[],
  mayRefuse = false,
): Map<string, Float32Array> {
  mkdirSync(folder, { recursive: true });
  const listed = cases.map(({ model, x, shape }, k) => {
    const path = typeof model === "string" ? model : join(folder, `${k}.onnx`);
    if (typeof model !== "string") writeFileSync(path, model);
    writeFileSync(join(folder, `${k}.x`), new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
    return { model: path, x: join(folder, `${k}.x`), y: join(folder, `${k}.y`), shape };
  });
  writeFileSync(join(folder, "cases.json"), JSON.stringify(listed));
  execFileSync("python3", ["-c", SCRIPT, join(folder, "cases.json")], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  return new Map(
    cases.flatMap(({ name }, k): [string, Float32Array][] => {
      const fault = `${listed[k]!.y}.error`;
      if (existsSync(fault)) {
        if (mayRefuse) return [];
        throw new Error(`${name}: ${readFileSync(fault, "utf8")}`);
      }
      const bytes = readFileSync(listed[k]!.y);
      return [
        [name, new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))],
      ];
    }),
  );
}

/** The greatest difference of two lists of numbers; infinite where their lengths differ or one is not a number. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (let k = 0; k < a.length; k++) {
    const d = Math.abs(a[k]! - b[k]!);
    if (!(d <= worst)) worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
  }
  return worst;
}
