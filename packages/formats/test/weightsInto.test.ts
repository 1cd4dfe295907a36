/** A state dict in the network of the ONNX file that its module was exported to. */
import { writeFileSync } from "node:fs";
import { maskedWeights } from "@phew/core";
import { expect, it } from "vitest";
import {
  exportModel,
  float32Tensor,
  readModel,
  readTensors,
  readWeightsInto,
  type Tensors,
  writeSafetensors,
} from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { onnxFile, values } from "./onnxFile.ts";
import { masksWithDeadUnits, predict } from "./predict.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const GAIN = [0.5, 2, -3];
const SHIFT = [0.1, -0.2, 0.3];

/** y = head · prelu(gain ⊙ (lin x + bias) + shift), then normalised by a scale of 1 and a shift of 0 that no module has. */
async function exported(name: string) {
  const float = (dims: readonly number[], given: ArrayLike<number>) => ({ dims, values: given });
  const bytes = onnxFile({
    inputs: { x: ["n", 4] },
    outputs: { y: ["n", 2] },
    tensors: {
      "lin.weight": float([3, 4], values(12, 1)),
      "lin.bias": float([3], values(3, 2)),
      gain: float([3], GAIN),
      shift: float([3], SHIFT),
      "act.weight": float([1], [0.25]),
      "head.weight": float([2, 3], values(6, 3)),
      "bn.running_mean": float([2], [0.5, -0.5]),
      "bn.running_var": float([2], [1, 4]),
    },
    nodes: [
      { op: "Gemm", in: ["x", "lin.weight", "lin.bias"], out: ["a"], attributes: { transB: 1 } },
      { op: "Mul", in: ["a", "gain"], out: ["b"] },
      { op: "Add", in: ["b", "shift"], out: ["c"] },
      { op: "PRelu", in: ["c", "act.weight"], out: ["d"] },
      { op: "Gemm", in: ["d", "head.weight"], out: ["e"], attributes: { transB: 1 } },
      { op: "Constant", in: [], out: ["/bn/ones"], attributes: { value: { tensor: float([2], [1, 1]) } } },
      { op: "Constant", in: [], out: ["/bn/zeros"], attributes: { value: { tensor: float([2], [0, 0]) } } },
      {
        op: "BatchNormalization",
        in: ["e", "/bn/ones", "/bn/zeros", "bn.running_mean", "bn.running_var"],
        out: ["y"],
      },
    ],
  });
  writeFileSync(scratch(name), bytes);
  return readModel(scratch(name));
}

/** What training leaves of the module; constants may have been trained too. */
function stateDict(
  changed: Readonly<Record<string, readonly number[]>> = {},
): Map<string, readonly number[]> {
  return new Map(
    Object.entries({
      "lin.weight": [...values(12, 11)],
      "lin.bias": [...values(3, 12)],
      gain: GAIN,
      shift: SHIFT,
      "act.weight": [0.25],
      "head.weight": [...values(6, 13)],
      "bn.running_mean": [1, 2],
      "bn.running_var": [3, 0.5],
      ...changed,
    }),
  );
}

async function saved(
  name: string,
  state: ReadonlyMap<string, readonly number[]>,
  prefix = "",
): Promise<string> {
  const shapes: Readonly<Record<string, readonly number[]>> = { "lin.weight": [3, 4], "head.weight": [2, 3] };
  const tensors: Tensors = new Map(
    [...state].map(([key, own]) => [
      prefix + key,
      float32Tensor(shapes[key] ?? [own.length], Float32Array.from(own)),
    ]),
  );
  await writeSafetensors(scratch(name), tensors, {}, { force: true });
  return scratch(name);
}

/** The module itself, in plain sums. */
function computed(state: ReadonlyMap<string, readonly number[]>, x: ArrayLike<number>): number[] {
  const of = (name: string) => Array.from(Float32Array.from(state.get(name)!));
  const row = (weight: readonly number[], o: number, input: ArrayLike<number>) =>
    Array.from(input).reduce((sum, value, i) => sum + weight[o * input.length + i]! * value, 0);
  const hidden = [0, 1, 2].map((o) => {
    const c = of("gain")[o]! * (row(of("lin.weight"), o, x) + of("lin.bias")[o]!) + of("shift")[o]!;
    return c < 0 ? of("act.weight")[0]! * c : c;
  });
  return [0, 1].map(
    (o) =>
      (row(of("head.weight"), o, hidden) - of("bn.running_mean")[o]!) /
      Math.sqrt(of("bn.running_var")[o]! + 1e-5),
  );
}

it.each(["", "module."])(
  'factors that the file folds into a layer are folded into its weights in a state dict too (prefix "%s")',
  async (prefix) => {
    const model = await exported("folds.onnx");
    // a slope is a parameter, and may have been trained
    const state = stateDict({ "act.weight": [0.8] });
    const { weights } = await readWeightsInto(await saved("state.safetensors", state, prefix), model);
    const x = values(4, 5);
    const y = predict(model.network, weights, x, 1);
    for (const [o, expected] of computed(state, x).entries()) expect(y[o]).toBeCloseTo(expected, 5);
  },
);

it.each([
  ["gain", [0.5, 2.5, -3]],
  ["shift", [0, 0, 0]],
])("a constant of the network that was trained since is refused by name: %s", async (name, trained) => {
  const model = await exported("trained.onnx");
  const file = await saved("trained.safetensors", stateDict({ [name]: trained }));
  await expect(readWeightsInto(file, model)).rejects.toThrow(
    new RegExp(
      `tensor "${name}": got .* at element \\d, expected .* of .*trained\\.onnx.*Export the module again`,
    ),
  );
});

it("a parameter that the module has and the state dict lacks is missed", async () => {
  const state = stateDict();
  state.delete("head.weight");
  const model = await exported("lacks.onnx");
  await expect(readWeightsInto(await saved("lacks.safetensors", state), model)).rejects.toThrow(
    "head.weight",
  );
});

it.each(["zeroed", "original+masks"] as const)(
  "%s of a file with factors is a state dict: what is multiplied behind a layer is there and not in the weights too",
  async (form) => {
    const model = await exported(`${form}.onnx`);
    const masks = masksWithDeadUnits(model.network, uniform(7), 0.5);
    await exportModel(scratch(`${form}.safetensors`), model, masks, form);
    const { tensors } = await readTensors(scratch(`${form}.safetensors`));
    for (const name of ["gain", "shift", "act.weight"]) expect(tensors.has(name), name).toBe(true);
    expect([...tensors.keys()].filter((name) => name.startsWith("/"))).toEqual([]);
    const { weights } = await readWeightsInto(scratch(`${form}.safetensors`), model);
    const masked = maskedWeights(model.weights, masks);
    for (const { name, role } of model.network.parameters) {
      if (form === "original+masks" && role !== "weight") continue;
      for (const [k, value] of masked.get(name)!.entries())
        expect(weights.get(name)![k], name).toBeCloseTo(value, 5);
    }
  },
);
