/** The loader of docs/pytorch.md, as it stands there, on what both of PyTorch's exporters write, folded and kept. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Masks, maskedWeights, silentUnits } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import {
  exportModel,
  type ReadModel,
  readMaskFile,
  readModel,
  readTensors,
  readWeightsInto,
  toFloat32,
  writeMasks,
  writeSafetensors,
} from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { fromDocs, NO_ORIGIN } from "./loaderDocs.ts";
import { masksWithDeadUnits, predict, sameBits } from "./predict.ts";
import { pythonHas } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const script = new URL("pytorchExports.py", import.meta.url).pathname;
const MODELS = ["Plain", "Normed", "Residual", "Sigmoids", "Odd"];
const KINDS = ["old", "old-kept", "new", "new-kept"];
/** The newer exporter takes a second for each: all twenty exports in the long tests, twelve else. */
const isShort = (model: string, kind: string) => !kind.startsWith("new") || model === "Normed";
const EXPORTS = MODELS.flatMap((model) => KINDS.map((kind) => [model, kind] as const)).filter(
  ([model, kind]) => isLong || isShort(model, kind),
);
/** Modules that call a part of theirs in an unusual way: their masks are loaded right, or refused. */
const ODD_CALLS = [
  ...["SharedNorm", "HalfShared", "SharedLayer", "Unnormed", "Unnamed", "ByName"],
  ...["Tied", "Again", "Free", "Functional"],
].flatMap((model) => ["old", "old-kept"].map((kind) => [model, kind] as const));
/** Those that one module cannot compute, or whose normalisation is not seen to belong to a layer. */
const REFUSED = /^(Shared|HalfShared|(Unnamed|Functional)\.old$)/;
const FOLDED_AND_KEPT = ["Normed.old", "Normed.old-kept"] as const;
const HALF_MASKED = `
import sys, torch
from torch import nn
from safetensors.torch import save_file
folder = sys.argv[1]
sys.path.insert(0, folder)
from load_masks import load_masks
for name in ["emb", "head"]:
    model = nn.ModuleDict({"emb": nn.Embedding(12, 8), "head": nn.Linear(8, 12, bias=False)})
    model["head"].weight = model["emb"].weight
    save_file({f"{name}.weight_mask": torch.zeros(12, 8, dtype=torch.bool)}, f"{folder}/half.safetensors")
    try:
        load_masks(model, f"{folder}/half.safetensors")
        print("loaded: " + ", ".join(f"{own} {model[own].weight.count_nonzero()}" for own in ["head", "emb"]))
    except ValueError as error:
        print(error)
`;
const python = (...args: string[]) =>
  execFileSync("python3", [script, ...args, ...[...EXPORTS, ...ODD_CALLS].map((own) => own.join("."))], {
    encoding: "utf8",
    stdio: "pipe",
  });
const tensor = async (file: string, name: string) =>
  toFloat32((await readTensors(scratch(file))).tensors.get(name)!);

describe.skipIf(!pythonHas("torch", "safetensors", "onnx", "onnxscript"))(
  "masks of an export, loaded in PyTorch (skipped without python3, torch, safetensors, onnx and onnxscript)",
  () => {
    let refusals = "";
    const exportNotes: string[] = [];
    const models = new Map<string, { read: ReadModel; masks: Masks }>();

    beforeAll(async () => {
      writeFileSync(scratch("load_masks.py"), fromDocs("load_masks.py"));
      python("export", scratch(""));
      const next = uniform(51);
      for (const [model, kind] of [...EXPORTS, ...ODD_CALLS]) {
        const read = await readModel(scratch(`${model}.${kind}.onnx`));
        const masks = masksWithDeadUnits(read.network, next, 0.5);
        await writeMasks(scratch(`${model}.${kind}.masks.safetensors`), masks, NO_ORIGIN, {
          model: read,
        });
        models.set(`${model}.${kind}`, { read, masks });
      }
      for (const own of FOLDED_AND_KEPT) {
        const { read, masks } = models.get(own)!;
        exportNotes.push(
          (await exportModel(scratch(`${own}.zeroed.safetensors`), read, masks, "zeroed")).join(),
        );
      }
      refusals = python("load", scratch(""));
    });

    const isLouder: boolean[] = [];

    it.each(EXPORTS)(
      "%s by the exporter %s computes what the masked network computes, dead units included",
      async (model, kind) => {
        const { read, masks } = models.get(`${model}.${kind}`)!;
        const { network, weights } = read;
        expect(silentUnits(masks).some((units) => units.includes(1))).toBe(true);
        const x = await tensor(`${model}.x.safetensors`, "x");
        const dense = await tensor(`${model}.y.safetensors`, "y");
        const found = await tensor(`${model}.${kind}.masked.safetensors`, "y");
        const near = (values: Float64Array, expected: Float32Array) => {
          for (const [k, y] of values.entries()) expect(Math.abs(y - expected[k]!)).toBeLessThan(1e-5);
        };
        near(predict(network, weights, x, 4), dense);
        near(predict(network, maskedWeights(weights, masks), x, 4), found);
        // a bias that is not silent makes a difference, unless it is negative before a relu in all dead units
        const biased = new Map(maskedWeights(weights, masks));
        for (const { name, role } of network.parameters)
          if (role !== "weight") biased.set(name, weights.get(name)!);
        const loud = predict(network, biased, x, 4);
        isLouder.push(loud.some((y, k) => Math.abs(y - found[k]!) > 1e-3));
      },
    );

    it("silence makes a difference in most of them", () => {
      expect(isLouder.length).toBe(EXPORTS.length);
      expect(isLouder.filter(Boolean).length).toBeGreaterThan(EXPORTS.length / 2);
    });

    it.each(EXPORTS)(
      "%s by the exporter %s: folding is said where there is any, and only there",
      (model, kind) => {
        const { notes } = models.get(`${model}.${kind}`)!.read;
        const isFolded = !kind.endsWith("kept") && model !== "Plain";
        expect(notes.filter((note) => note.includes("folded into")).length).toBe(isFolded ? 1 : 0);
      },
    );

    it.each(ODD_CALLS)(
      "%s by the exporter %s: loaded right or refused, never another network in silence",
      async (model, kind) => {
        const own = `${model}.${kind}`;
        const { read, masks } = models.get(own)!;
        // a layer that is called again and again is the last one too, which keeps its units
        if (model !== "Again") expect(silentUnits(masks).some((units) => units.includes(1))).toBe(true);
        const refusal = refusals.split("\n").find((line) => line.startsWith(`${own}: `));
        expect(refusal !== undefined, refusal).toBe(REFUSED.test(own));
        if (refusal !== undefined) {
          expect(refusal).toMatch(
            /one module cannot be all\. Give each call a module of its own|cannot see which layer|is no module/,
          );
          return;
        }
        const x = await tensor(`${model}.x.safetensors`, "x");
        const found = await tensor(`${own}.masked.safetensors`, "y");
        const expected = predict(read.network, maskedWeights(read.weights, masks), x, 4);
        for (const [k, y] of expected.entries()) expect(Math.abs(y - found[k]!)).toBeLessThan(1e-5);
      },
    );

    it("zeros of modules that share a weight are no state dict; those of a layer that is called again are", async () => {
      const again = models.get("Again.old-kept")!;
      await exportModel(scratch("again.safetensors"), again.read, again.masks, "zeroed");
      const { tensors: own } = await readTensors(scratch("again.safetensors"));
      expect([...own.keys()].sort()).toEqual(["fc_1.bias", "fc_1.weight"]);
      {
        const own = "Tied.old-kept";
        const { read, masks } = models.get(own)!;
        for (const form of ["zeroed", "original+masks"] as const)
          await expect(exportModel(scratch(`${own}.safetensors`), read, masks, form)).rejects.toThrow(
            /the same tensor as "fc_\d\.weight", pruned in another way.*copy\.deepcopy/,
          );
        const all = Masks.dense(read.network);
        await exportModel(scratch(`${own}.safetensors`), read, all, "zeroed");
        const { tensors } = await readTensors(scratch(`${own}.safetensors`));
        // under each name that the module has
        const biases = ["fc_1.bias", "fc_3.bias"];
        const names = ["fc_1.weight", "fc_2.weight", "fc_3.weight", ...biases];
        expect([...tensors.keys()].sort()).toEqual(names.sort());
        const { weights } = await readWeightsInto(scratch(`${own}.safetensors`), read);
        for (const [name, values] of read.weights) expect(sameBits(weights.get(name), values)).toBe(true);
      }
    });

    it("a head's mask by the name of the embedding's table is refused; a table stays whole beside a masked head", () => {
      const lines = execFileSync("python3", ["-c", HALF_MASKED, scratch("")], { encoding: "utf8" }).split(
        "\n",
      );
      expect(lines[0]).toMatch(
        /^head\.weight is the same tensor as emb\.weight and has no mask: .*copy\.deepcopy/,
      );
      expect(lines[1]).toBe("loaded: head 0, emb 96");
    });

    it("weights that the module has as [in, out] are so in named tensors, and come back", async () => {
      const { read, masks } = models.get("Free.old-kept")!;
      await exportModel(scratch("free.safetensors"), read, masks, "zeroed");
      const { tensors } = await readTensors(scratch("free.safetensors"));
      expect(tensors.get("wide")!.shape).toEqual([8, 5]);
      const square = rowsOf(toFloat32(tensors.get("square")!), 8);
      expect(square).toEqual(rowsOf(maskedWeights(read.weights, masks).get("square")!, 8, true));
      const { weights } = await readWeightsInto(scratch("free.safetensors"), read);
      for (const [name, values] of maskedWeights(read.weights, masks))
        expect([name, ...weights.get(name)!]).toEqual([name, ...values]);
      const file = scratch("Free.old-kept.masks.safetensors");
      expect((await readTensors(file)).tensors.get("wide_mask")!.shape).toEqual([8, 5]);
      const { masks: again } = await readMaskFile(file, read.network, read);
      expect(sameBits(again.bytes, masks.bytes)).toBe(true);
    });

    it("beside tensors of a folded export, which lack what PyTorch then misses: said when they are written", async () => {
      const [folded, kept] = FOLDED_AND_KEPT.map((own) =>
        JSON.parse(readFileSync(scratch(`${own}.strict.json`), "utf8")),
      );
      expect([kept.said, exportNotes[1]]).toEqual(["", ""]);
      expect(folded.said).toMatch(
        /Missing key.*"bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"/,
      );
      expect(folded.said).toMatch(/Unexpected key.*"conv1.bias"/);
      expect(exportNotes[0]).toMatch(/lacks the batch normalisation behind conv1.weight, blk.0.weight/);
      expect(exportNotes[0]).toMatch(
        /its weight, bias, running_mean and running_var.*may lack \(conv1.bias, blk.0.bias/,
      );
      // the module that the note advises
      expect(exportNotes[0]).toMatch(/fused by torch.nn.utils.fuse_conv_bn_eval/);
      expect([folded.missing, folded.unexpected]).toEqual([[], []]);
      const { read, masks } = models.get(FOLDED_AND_KEPT[0])!;
      const x = await tensor("Normed.x.safetensors", "x");
      const expected = predict(read.network, maskedWeights(read.weights, masks), x, 4);
      for (const [k, y] of expected.entries()) expect(Math.abs(y - folded.y[k])).toBeLessThan(1e-5);
    });

    it("are refused by a module that is not the one exported", async () => {
      const { tensors } = await readTensors(scratch("Normed.old-kept.masks.safetensors"));
      const renamed = new Map([...tensors].map(([name, mask]) => [name.replace("conv1", "conv9"), mask]));
      await writeSafetensors(scratch("other.safetensors"), renamed);
      const printed = execFileSync(
        "python3",
        [
          "-c",
          `import sys; sys.path[:0] = sys.argv[1:3]
from load_masks import load_masks
from pytorchExports import Normed, build
try: load_masks(build(Normed), sys.argv[1] + "/other.safetensors")
except ValueError as error: print(error)`,
          scratch(""),
          new URL(".", import.meta.url).pathname,
        ],
        { encoding: "utf8", stdio: "pipe" },
      );
      expect(printed).toMatch(/masks conv9\.weight, which the model has not/);
    });
  },
);

/** A square matrix's rows, or its columns. */
const rowsOf = (values: Float32Array, size: number, isTurned = false): number[][] =>
  Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, k) => values[isTurned ? k * size + i : i * size + k]!),
  );
