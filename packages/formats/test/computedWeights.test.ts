/** Weights that a file computes from other constants: they are those numbers, under the names of their modules. */
import { maskedWeights } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  exportModel,
  importOnnx,
  readModel,
  readTensors,
  readWeights,
  toFloat32,
  UnsupportedOperationsError,
} from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { onnxFile, values } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, runOnnx } from "./onnxRun.ts";
import { masksWithDeadUnits, predict } from "./predict.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

/** A dense layer of one input whose weight is what `op` makes of a constant. */
const computed = (
  op: string,
  {
    dims,
    axes,
    keepdims = 1,
    noop = 0,
  }: { dims: number[]; axes?: number[]; keepdims?: number; noop?: number },
  size: number,
  opset = 18,
) =>
  onnxFile({
    opset,
    nodes: [
      {
        op,
        in: ["c", ...(axes === undefined || opset < 18 ? [] : ["axes"])],
        out: ["r"],
        attributes: {
          keepdims,
          ...(opset >= 18 && { noop_with_empty_axes: noop }),
          ...(axes !== undefined && opset < 18 && { axes }),
        },
      },
      { op: "Reshape", in: ["r", "row"], out: ["w"] },
      { op: "MatMul", in: ["x", "w"], out: ["y"] },
    ],
    inputs: { x: ["n", 1] },
    outputs: { y: ["n", size] },
    tensors: {
      c: {
        dims,
        values: values(
          dims.reduce((a, b) => a * b, 1),
          3,
          2,
        ),
      },
      row: { dims: [2], values: [1, size], type: "int64" },
      ...(axes !== undefined &&
        opset >= 18 && { axes: { dims: [axes.length], values: axes, type: "int64" } }),
    },
  });

const REDUCTIONS = ["L1", "L2", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].map((of) => `Reduce${of}`);
const FORMS: [string, Parameters<typeof computed>[1], number, number?][] = [
  ["the last axes", { dims: [2, 3, 4], axes: [1, 2] }, 2],
  ["the axis in the middle, which goes", { dims: [2, 3, 4], axes: [-2], keepdims: 0 }, 8],
  ["all axes", { dims: [2, 3, 4] }, 1],
  ["no axis", { dims: [2, 3], axes: [], noop: 1 }, 6],
  ["axes that are attributes", { dims: [2, 3, 4], axes: [0, 2] }, 3, 11],
];

describe.skipIf(!hasRuntime)("a reduction of a constant (skipped without python3 and onnxruntime)", () => {
  it("is computed as onnxruntime does, whichever it is and over whichever axes", async () => {
    const models = REDUCTIONS.flatMap((op) =>
      FORMS.map(([form, ...given]) => ({ name: `${op} over ${form}`, model: computed(op, ...given) })),
    );
    const cases = await Promise.all(
      models.map(async ({ name, model }) => {
        const { network, weights } = await importOnnx(model);
        return { name, model, network, weights, x: batchFor(network, 2), shape: [2, 1] };
      }),
    );
    const outputs = runOnnx(scratch("reductions"), cases);
    expect(outputs.size).toBe(REDUCTIONS.length * FORMS.length);
    for (const { name, network, weights, x } of cases)
      expect(distance(predict(network, weights, x, 2), outputs.get(name)!), name).toBeLessThan(1e-5);
  });
});

it("an error says that a node of constants alone is not computed", async () => {
  const model = onnxFile({
    nodes: [
      { op: "Det", in: ["c"], out: ["d"] },
      { op: "Mul", in: ["v", "d"], out: ["w"] },
      { op: "MatMul", in: ["x", "w"], out: ["y"] },
    ],
    inputs: { x: ["n", 2] },
    outputs: { y: ["n", 2] },
    tensors: { c: { dims: [2, 2], values: [1, 2, 3, 4] }, v: { dims: [2, 2], values: [1, 2, 3, 4] } },
  });
  await expect(importOnnx(model)).rejects.toThrow(
    /Det.*it reads constants alone: compute it before the export/,
  );
  await expect(importOnnx(model, { treatAsOpaque: true })).rejects.toThrow(UnsupportedOperationsError);
});

describe.skipIf(!pythonHas("torch", "onnx", "onnxscript", "safetensors"))(
  "weight and spectral normalisation of PyTorch (skipped without python3, torch, onnx, onnxscript and safetensors)",
  () => {
    const KINDS = ["old", "new"];

    beforeAll(() => {
      runPython(
        `import sys, torch, warnings, logging
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import parametrizations as P
warnings.filterwarnings("ignore"); logging.disable(logging.WARNING)
to = sys.argv[1]
def model(isNew):
    torch.manual_seed(0)
    first = nn.Conv2d(2, 6, 3)
    first = P.spectral_norm(first) if isNew else P.weight_norm(first)
    return nn.Sequential(first, nn.ReLU(), P.weight_norm(nn.Conv2d(6, 5, 3), dim=None), nn.Flatten(),
                         nn.utils.weight_norm(nn.Linear(20, 7, bias=False)), nn.ReLU(), nn.Linear(7, 3)).eval()
x = torch.randn(4, 2, 6, 6)
for kind in ("old", "new"):
    m = model(kind == "new")
    save_file({"x": x, "y": m(x).detach(), **{f"{k}.weight": m[k].weight.detach() for k in (0, 2, 4, 6)}}, f"{to}/{kind}.safetensors")
    torch.save(m.state_dict(), f"{to}/{kind}.pt")
    if kind == "old":
        torch.onnx.export(m, (x,), f"{to}/{kind}.onnx", dynamo=False, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    else:
        torch.onnx.export(m, (x,), f"{to}/{kind}.onnx", dynamo=True, optimize=False, verbose=False)`,
        scratch(""),
      );
    });

    it.each(KINDS)("are read as the weights that they come to, by the exporter %s", async (kind) => {
      const { network, weights } = await readModel(scratch(`${kind}.onnx`));
      const { tensors } = await readTensors(scratch(`${kind}.safetensors`));
      const of = (name: string) => toFloat32(tensors.get(name)!);
      expect(network.prunable.map(({ name }) => name)).toEqual([0, 2, 4, 6].map((k) => `${k}.weight`));
      for (const { name } of network.prunable)
        expect(distance(weights.get(name)!, of(name)), name).toBeLessThan(1e-6);
      expect(distance(predict(network, weights, of("x"), 4), of("y"))).toBeLessThan(1e-5);
    });

    it.each(KINDS)("are masked in every form that is written, of the exporter %s", async (kind) => {
      const model = await readModel(scratch(`${kind}.onnx`));
      const masks = masksWithDeadUnits(model.network, uniform(5), 0.5);
      const masked = maskedWeights(model.weights, masks);
      const x = toFloat32((await readTensors(scratch(`${kind}.safetensors`))).tensors.get("x")!);
      const expected = predict(model.network, masked, x, 4);
      for (const form of ["zeroed", "original+masks", "compact"] as const) {
        const to = scratch(`${kind}.${form}.onnx`);
        await exportModel(to, model, masks, form);
        const { network, weights } = await readModel(to);
        expect(distance(predict(network, weights, x, 4), expected), form).toBeLessThan(1e-5);
      }
      // of tensors: the weight, and nothing that the module would compute it from
      await exportModel(scratch(`${kind}.zeroed.safetensors`), model, masks, "zeroed");
      const { tensors } = await readTensors(scratch(`${kind}.zeroed.safetensors`));
      expect([...tensors.keys()].sort()).toEqual(model.network.parameters.map(({ name }) => name).sort());
    });

    it.each(KINDS)("are refused in a state dict, with the call that helps: %s", async (kind) => {
      const { network } = await readModel(scratch(`${kind}.onnx`));
      await expect(readWeights(scratch(`${kind}.pt`), network)).rejects.toThrow(
        /"0\.weight": got what its module computes it from \(0\.parametrizations\.weight\.original.*remove_parametrizations/,
      );
    });
  },
);
