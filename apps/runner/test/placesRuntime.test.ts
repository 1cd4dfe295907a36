/**
 * What moves and mixes positions (convolution and pooling over one to three axes, resize, padding) in all variants of ONNX, beside onnxruntime: the outputs of both executors, and the oracle's.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { elementCount, Masks, maskedWeights } from "@phew/core";
import { exportModel, parseSafetensors, readModel, readOnnx, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { type RuntimeCase, runOnnx } from "../../../packages/formats/test/onnxRun.ts";
import { forward } from "../../../packages/oracle/src/index.ts";
import { isLong } from "../../../vitest.long.ts";
import { computeOutput } from "../src/computeOutput.ts";
import { oracleGraph } from "./operationSamples.ts";
import { lastingFolder } from "./phew.ts";

const SCRIPT = `
import json, random, sys
import numpy as np, onnx, onnxruntime
from onnx import helper, numpy_helper, TensorProto
from safetensors.numpy import save_file
folder, per_kind, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
number = 0
random.seed(seed); rng = np.random.default_rng(seed)
floats = lambda *shape: rng.normal(size=shape).astype(np.float32)
ints = lambda values: np.array(values, np.int64)
pick = random.choice

def transpose():
    groups, opset = pick([1, 1, 2, 4]), pick([11, 17, 21])
    kernel, stride, dilation = [[pick(r) for _ in range(2)] for r in ([1, 2, 3], [1, 2, 3], [1, 1, 2])]
    attributes = dict(kernel_shape=kernel, strides=stride, dilations=dilation, group=groups)
    adjust = [random.randrange(max(stride[k], dilation[k])) for k in range(2)]
    how = pick(["pads", "pads", "same", "shape", "none"])
    if how == "pads": attributes.update(pads=[random.randrange(3) for _ in range(4)], output_padding=adjust)
    if how == "same": attributes.update(auto_pad=pick(["SAME_UPPER", "SAME_LOWER"]))
    if how == "shape":
        whole = [(size - 1) * s + 1 + d * (k - 1) for size, s, d, k in zip((5, 4), stride, dilation, kernel)]
        attributes.update(output_shape=[max(1, w - random.randrange(3)) for w in whole])
    weight = floats(4, 6 // groups if groups != 4 else 2, *kernel)
    inputs = {"w": weight}
    if pick([0, 1]): inputs["b"] = floats(weight.shape[1] * groups)
    return [helper.make_node("ConvTranspose", ["h", *inputs], ["y"], name="op", **attributes)], inputs, opset

def resize():
    opset = pick([11, 13, 18, 19, 21])
    mode = pick(["nearest", "linear"])
    ways = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"] + ["half_pixel_symmetric"] * (opset >= 19 and mode == "linear")
    attributes = dict(mode=mode, coordinate_transformation_mode=pick(ways))
    if mode == "nearest": attributes["nearest_mode"] = pick(["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    inputs = {"roi": floats(0)}
    names = ["h", "roi"] if opset < 13 else ["h", ""]
    if opset >= 13: inputs = {}
    over = [2, 3] if opset >= 18 and pick([0, 1]) else [0, 1, 2, 3]
    if len(over) == 2: attributes["axes"] = over
    if pick([0, 1]):
        inputs["scales"] = np.array(([1, 1] if len(over) == 4 else []) + [pick([0.5, 1, 1.5, 2, 2.5, 3]) for _ in range(2)], np.float32)
        names.append("scales")
    else:
        inputs["sizes"] = ints(([2, 4] if len(over) == 4 else []) + [pick([1, 2, 3, 5, 7, 8, 10, 13]) for _ in range(2)])
        if opset < 13: inputs["none"] = floats(0)
        names += ["" if opset >= 13 else "none", "sizes"]
    return [helper.make_node("Resize", names, ["y"], name="op", **attributes)], inputs, opset

def upsample():
    scales = np.array([1, 1, pick([1, 2, 3]), pick([1, 2, 3])], np.float32)
    return [helper.make_node("Upsample", ["h", "scales"], ["y"], name="op", mode=pick(["nearest", "linear"]))], {"scales": scales}, 9

def pad():
    mode = pick(["constant", "constant", "reflect", "edge"])
    along = [random.randrange(-1 if mode == "constant" else 0, 4) for _ in range(4)]
    units = [random.randrange(3), random.randrange(3)] if mode == "constant" else [0, 0]
    inputs = {"pads": ints([0, units[0], along[0], along[1], 0, units[1], along[2], along[3]])}
    if mode == "constant" and units == [0, 0] and pick([0, 1]): inputs["value"] = np.array(pick([0.5, -2]), np.float32)
    return [helper.make_node("Pad", ["h", *inputs], ["y"], name="op", mode=mode)], inputs, pick([11, 13, 18])

def windows():
    places = pick([[9], [5, 4], [4, 3, 5], [3, 4, 4]])
    rank = len(places)
    each = lambda choices: [pick(choices) for _ in range(rank)]
    op = pick(["Conv", "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "reduce", "reduce"])
    attributes, inputs, opset = {}, {}, 19 if op == "AveragePool" else pick([13, 17])
    if op == "reduce":
        op = pick(["ReduceMean", "ReduceMax", "ReduceSum"])
        axes = sorted(random.sample(range(2, rank + 2), random.randrange(1, rank + 1)))
        attributes["keepdims"] = pick([0, 1])
        if op == "ReduceSum": inputs["axes"] = ints(axes)
        else: attributes["axes"] = axes
    elif not op.startswith("Global"):
        kernel, stride, dilation = each([1, 2, 3]), each([1, 2]), each([1, 1, 2])
        attributes.update(kernel_shape=kernel, strides=stride, dilations=dilation)
        reach = [d * (k - 1) for k, d in zip(kernel, dilation)]
        # a window that does not fit is no window, though some runtimes take it
        if any(r >= n for r, n in zip(reach, places)): return windows()
        if op == "ConvTranspose":
            attributes["output_padding"] = [random.randrange(max(s, d)) for s, d in zip(stride, dilation)]
        if pick([0, 1, 1]): attributes["pads"] = [random.randrange(min(r, 2) + 1) for r in reach + reach]
        if op.endswith("Pool"): attributes["ceil_mode"] = pick([0, 1])
        if op == "AveragePool": attributes["count_include_pad"] = pick([0, 1])
        if op.startswith("Conv"):
            groups = pick([1, 2])
            attributes["group"] = groups
            inputs["w"] = floats(*([6, 4 // groups] if op == "Conv" else [4, 6 // groups]), *kernel)
            inputs["b"] = floats(6)
    return [helper.make_node(op, ["h", *inputs], ["y"], name="op", **attributes)], inputs, opset, places

def rows():
    places = pick([[9], [4, 3, 5]])
    rank = len(places)
    if pick([0, 1]):
        inputs = {"scales": np.array([1, 1] + [pick([0.5, 1, 2, 3]) for _ in range(rank)], np.float32)}
        mode = pick(["nearest", "linear"])
        nodes = [helper.make_node("Resize", ["h", "", "scales"], ["y"], name="op", mode=mode)]
    else:
        mode = pick(["constant", "reflect", "edge"])
        inputs = {"pads": ints([0, 0] + [random.randrange(3) for _ in range(rank)] + [0, 0] + [random.randrange(3) for _ in range(rank)])}
        nodes = [helper.make_node("Pad", ["h", "pads"], ["y"], name="op", mode=mode)]
    return nodes, inputs, 17, places

for kind in (transpose, resize, upsample, pad, windows, windows, windows, rows):
    for k in range(per_kind):
        nodes, inputs, opset, *places = kind()
        places = places[0] if places else [5, 4]
        inputs = {"first": floats(4, 3, *[1 for _ in places]), **inputs}
        nodes = [helper.make_node("Conv", ["x", "first"], ["h"], name="first"), *nodes]
        x = floats(2, 3, *places)
        def model(nodes, output, shape=None):
            graph = helper.make_graph(nodes, "net",
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, *places])],
                [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
                [numpy_helper.from_array(value, name) for name, value in inputs.items()])
            return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        def outputs(of):
            session = onnxruntime.InferenceSession(of.SerializeToString(), providers=["CPUExecutionProvider"])
            return session.run(None, {"x": x})[0]
        try: y = outputs(model(nodes, "y"))
        except Exception as e: continue
        if y.size == 0: continue
        # a layer behind it, so that units between may go
        if y.ndim > 2: inputs["last"] = floats(2, y.shape[1], *[1 for _ in y.shape[2:]])
        last = helper.make_node("Conv", ["y", "last"], ["out"], name="last") if y.ndim > 2 else helper.make_node("Identity", ["y"], ["out"], name="end")
        try:
            out = outputs(model([*nodes, last], "out"))
            whole = model([*nodes, last], "out", list(out.shape))
            onnx.checker.check_model(whole, full_check=True)
        # ONNX's own rules and the runtime disagree on some shapes
        except Exception as e: continue
        number += 1
        name = f"{folder}/{number}"
        onnx.save(whole, name + ".onnx")
        save_file({"x": x, "out": np.ascontiguousarray(out)}, name + ".safetensors")
        print(json.dumps([str(number), list(out.shape), places, str(nodes[1]).replace("\\n", " ")]))
`;

const FINDS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'onnx onnxruntime safetensors'.split()))";
const present = spawnSync("python3", ["-c", FINDS]).status === 0;

describe.skipIf(!present)(
  "positions in onnxruntime (skipped where python3 has no onnx, onnxruntime and safetensors)",
  () => {
    it("transposed convolutions, resizes and paddings give the same", async () => {
      const folder = lastingFolder();
      const count = isLong ? 100 : 6;
      const seed = process.env.PHEW_TEST_SEED ?? "1";
      const made = spawnSync("python3", ["-c", SCRIPT, folder, `${count}`, seed], { encoding: "utf8" });
      expect(made.status, made.stderr).toBe(0);
      const cases = made.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as [string, number[], number[], string]);
      // what onnxruntime itself refuses is left out
      expect(cases.length).toBeGreaterThan(2 * count);
      const written: Written[] = [];
      for (const [name, [, ...shape], places, text] of cases) {
        const { network, weights } = await readOnnx(`${folder}/${name}.onnx`);
        const path = `${folder}/${name}.safetensors`;
        const { tensors } = parseSafetensors(new Uint8Array(readFileSync(path)), path);
        const [x, expected] = [toFloat32(tensors.get("x")!), toFloat32(tensors.get("out")!)];
        expect(elementCount(network.outputShape), text).toBe(elementCount(shape));
        for (const executor of ["sparse", "tensorflow"]) {
          const { values } = await computeOutput({ network, weights }, undefined, x, 2, {
            executor,
            json: true,
          });
          expectNear(values, expected, `${executor}: ${text}`);
        }
        expectNear(forward(oracleGraph(network), weights, x, 2).output, expected, text);
        written.push(...(await exported(`${folder}/${name}.onnx`, x, places)));
      }
      const found = runOnnx(`${folder}/runs`, written);
      for (const { name, expected } of written) expectNear(found.get(name)!, expected, name);
    });
  },
);

type Written = RuntimeCase & { readonly expected: Float32Array };

/** The model in each form, with unit 1 of the first layer dead, and what the masked network puts out. */
async function exported(path: string, x: Float32Array, places: readonly number[]): Promise<Written[]> {
  const model = await readModel(path);
  const { network, weights } = model;
  const masks = Masks.dense(network);
  const inputs = network.inputShape[0]!;
  masks.get("first")!.fill(0, inputs, 2 * inputs);
  const { output } = forward(oracleGraph(network), maskedWeights(weights, masks), x, 2);
  const expected = Float32Array.from(output);
  const written: Written[] = [];
  for (const form of ["zeroed", "compact", "original+masks"] as const) {
    const name = path.replace(/onnx$/, `${form}.onnx`);
    await exportModel(name, model, masks, form);
    written.push({ name, model: name, x, shape: [2, inputs, ...places], expected });
    const read = await readModel(name);
    expectNear(forward(oracleGraph(read.network), read.weights, x, 2).output, expected, `${form}: ${name}`);
  }
  return written;
}

function expectNear(found: ArrayLike<number>, expected: Float32Array, what: string): void {
  expect(found.length, what).toBe(expected.length);
  const worst = expected.reduce((most, value, k) => Math.max(most, Math.abs(found[k]! - value)), 0);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  expect(worst / largest, what).toBeLessThan(1e-5);
}
