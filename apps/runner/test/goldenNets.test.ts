/**
 * Networks as people export them from PyTorch (`../shared/golden/nets`, each with what PyTorch computes of its inputs and
 * the names and shapes of its weights): pruned, computed, written with zeros and made compact.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { longCases } from "../../../vitest.long.ts";
import { NEVER_PRUNED } from "./goldenNet.ts";
import { phew, readText, scratchFolder, sharedFile } from "./phew.ts";

/** The nets that must work. A net that comes to work is added here: the last test fails while it is missing. */
const WORKING = [
  "conv1d",
  "conv3d",
  "convnext",
  "encoder",
  "gate-hard",
  "gate-se",
  "glu",
  "gpt2",
  "groupnorm",
  "layer-scale",
  "layernorm-mlp",
  "lstm",
  "mish",
  "mobilenet-v3",
  "option-a",
  "selu",
  "shuffle",
  "shufflenet-v2",
  "siamese",
  "two-in-two-out",
  "unet-nearest",
  "unet-transpose",
  "vit",
];

const METHODS = ["magnitude", "synflow", "phew"];
/** Low enough that some channels die where a method lets them. */
const DENSITY = "0.3";
const TOLERANCE = 1e-4;

interface Facts {
  /** By the state dict's name, parameters of two and more axes. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

const nets = sharedFile("golden", "nets");
const fileOf = (net: string, name: string) => path.join(nets ?? "", net, name);
const factsOf = (net: string) => JSON.parse(readText(fileOf(net, "facts.json"))) as Facts;

/** Runs phew, which must end well. @returns what it prints */
async function run(folder: string, ...args: string[]): Promise<string> {
  const { exitCode, stderr, stdout } = await phew(args, folder);
  expect([args.slice(0, 2), exitCode, stderr.split("\n").filter(isFailure)]).toEqual([
    args.slice(0, 2),
    0,
    [],
  ]);
  return stdout;
}
/** Warnings of dead outputs are no failure: magnitude may cut a random network. */
const isFailure = (line: string) => line.startsWith("phew:");

async function outputsOf(folder: string, net: string, model: string, ...rest: string[]) {
  await run(
    folder,
    "predict",
    model,
    "--batch",
    fileOf(net, "io.safetensors"),
    "--out",
    "y.safetensors",
    "--force",
    ...rest,
  );
  const { tensors } = await readSafetensors(path.join(folder, "y.safetensors"));
  return new Map([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));
}

type Outputs = Awaited<ReturnType<typeof outputsOf>>;

function expectAlike(found: Outputs, expected: Outputs): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const difference = found
      .get(name)!
      .reduce((most, value, k) => Math.max(most, Math.abs(value - values[k]!)), 0);
    expect(difference / largest).toBeLessThan(TOLERANCE);
  }
}

/** Masks have the names and shapes of the state dict; every weight of a layer has one. */
async function expectNamesOfStateDict(file: string, { parameters }: Facts): Promise<void> {
  const { tensors } = await readSafetensors(file);
  // masks of dead units' biases stand beside those of weights
  const masks = [...tensors].filter(([, { shape }]) => shape.length > 1);
  const masked = masks.map(([name]) => name.replace(/_mask$/, ""));
  expect(Object.fromEntries(masks.map(([, { shape }], k) => [masked[k], shape]))).toEqual(
    Object.fromEntries(masked.map((name) => [name, parameters[name]])),
  );
  const unmasked = Object.keys(parameters).filter((name) => !masked.includes(name));
  expect(unmasked.filter((name) => !NEVER_PRUNED.test(name))).toEqual([]);
}

/** Pruned and exported in the usual tests too: each has what no other has. */
const PRUNED = [
  "conv3d",
  "gate-se",
  "gpt2",
  "groupnorm",
  "option-a",
  "shufflenet-v2",
  "two-in-two-out",
  "vit",
];
const OTHERS = WORKING.filter((net) => !PRUNED.includes(net));

describe.skipIf(nets === undefined)("nets that PyTorch exported", () => {
  for (const net of WORKING) {
    const model = fileOf(net, "model.onnx");

    it(`${net}: outputs are PyTorch's`, async () => {
      const io = fileOf(net, "io.safetensors");
      await run(
        scratchFolder(),
        "predict",
        model,
        "--batch",
        io,
        "--compare",
        io,
        "--tolerance",
        String(TOLERANCE),
      );
    });
  }

  for (const net of [...PRUNED, ...longCases(OTHERS, 4)]) {
    const model = fileOf(net, "model.onnx");

    it(`${net}: masks have the state dict's names and shapes, and give what the exported nets give`, async () => {
      const folder = scratchFolder();
      const masks = (method: string) => `${method}.safetensors`;
      for (const method of METHODS) {
        await run(folder, "prune", model, "--method", method, "--density", DENSITY, "--out", masks(method));
        await expectNamesOfStateDict(path.join(folder, masks(method)), factsOf(net));
      }
      const masked = await outputsOf(folder, net, model, "--masks", masks("phew"));
      for (const form of ["zeroed", "compact"]) {
        await run(folder, "export", model, "--masks", masks("phew"), "--form", form, "--out", `${form}.onnx`);
        expectAlike(await outputsOf(folder, net, `${form}.onnx`), masked);
      }
    });
  }

  it("those that are not listed do not work yet", async () => {
    const folder = scratchFolder();
    const works: string[] = [];
    for (const net of readdirSync(nets!)) {
      if (WORKING.includes(net) || !existsSync(fileOf(net, "model.onnx"))) continue;
      const io = fileOf(net, "io.safetensors");
      const args = ["--batch", io, "--compare", io, "--tolerance", String(TOLERANCE)];
      const { exitCode } = await phew(["predict", fileOf(net, "model.onnx"), ...args], folder);
      if (exitCode === 0) works.push(net);
    }
    expect(works).toEqual([]);
  });
});
