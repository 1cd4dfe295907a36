/**
 * What is asked of a network decides what must be known of it: weights alone, its units, or how it is computed. Nets of
 * `../shared/golden/nets` that are read no further are pruned by their weights alone.
 */
import { readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { onnxFile, tensor } from "../../../packages/formats/test/onnxFile.ts";
import { NEVER_PRUNED } from "./goldenNet.ts";
import { lastingFolder, phew, readText, scratchFolder, sharedFile } from "./phew.ts";

const nets = sharedFile("golden", "nets");
const fixtures = fileURLToPath(new URL("fixtures", import.meta.url));
const state = path.join(fixtures, "resnet.pt");
const folder = lastingFolder();
const text = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await phew(args, folder);
  expect(exitCode, stderr).toBe(0);
  return stdout;
};
const refusal = async (...args: string[]) => {
  const { exitCode, stderr } = await phew(args, folder);
  expect([1, 2]).toContain(exitCode);
  return stderr;
};
const maskOf = (name: string) => path.join(folder, name);

/** A table that is the weight of the last layer too: where the network is understood, that layer's copy is pruned. */
const TIED_HEADS: Readonly<Record<string, string>> = { gpt2: "m.transformer.wte.weight" };

describe.skipIf(nets === undefined)("every net of the golden folder (skipped where it is absent)", () => {
  it.each(nets === undefined ? [] : readdirSync(nets))(
    "%s: magnitude masks are named and shaped as the state dict's weights",
    async (net) => {
      const model = path.join(nets!, net, "model.onnx");
      await text("prune", model, "--method", "magnitude", "--density", "0.3", "--out", `${net}.safetensors`);
      const { tensors } = await readSafetensors(maskOf(`${net}.safetensors`));
      const found = Object.fromEntries(
        [...tensors].flatMap(([name, { shape }]) =>
          shape.length > 1 ? [[name.replace(/_mask$/, ""), [...shape]]] : [],
        ),
      );
      const { parameters } = JSON.parse(readText(path.join(nets!, net, "facts.json")));
      const expected = Object.entries(parameters).filter(
        ([name]) => name === TIED_HEADS[net] || !NEVER_PRUNED.test(name),
      );
      expect(found).toEqual(Object.fromEntries(expected));
    },
  );

  it("encoder: layers that began alike have masks of their own, and tensors of their own in the file", async () => {
    const model = path.join(nets!, "encoder", "model.onnx");
    await text("prune", model, "--method", "random", "--density", "0.5", "--out", "random.safetensors");
    await text("export", model, "--masks", "random.safetensors", "--out", "zeroed.onnx");
    const masks = await readSafetensors(maskOf("random.safetensors"));
    await text("export", "zeroed.onnx", "--masks", "random.safetensors", "--out", "zeroed.safetensors");
    const { tensors } = await readSafetensors(maskOf("zeroed.safetensors"));
    for (const [name, { data }] of masks.tensors) {
      const values = toFloat32(tensors.get(name.replace(/_mask$/, ""))!);
      expect(
        [...values].map((value) => Number(value !== 0)),
        name,
      ).toEqual([...data]);
    }
  });
});

describe("a state dict without its architecture", () => {
  it("is pruned by magnitude as with it, and written with zeros", async () => {
    await text("prune", state, "--method", "magnitude", "--density", "0.2", "--out", "alone.safetensors");
    const known = ["--architecture", path.join(fixtures, "resnet.script.onnx")];
    await text(
      "prune",
      state,
      ...known,
      "--method",
      "magnitude",
      "--density",
      "0.2",
      "--out",
      "known.safetensors",
    );
    const [alone, whole] = await Promise.all(
      ["alone", "known"].map((name) => readSafetensors(maskOf(`${name}.safetensors`))),
    );
    for (const [name, tensor] of alone!.tensors)
      expect(tensor.data, name).toEqual(whole!.tensors.get(name)!.data);
    await text("export", state, "--masks", "alone.safetensors", "--out", "zeros.safetensors");
    const { tensors } = await readSafetensors(maskOf("zeros.safetensors"));
    // what is no weight stays as it is
    expect([...tensors.keys()]).toContain("stem.1.running_var");
    for (const [name, { data }] of alone!.tensors) {
      const values = toFloat32(tensors.get(name.replace(/_mask$/, ""))!);
      expect(values.filter((value) => value !== 0).length, name).toBe(
        data.filter((kept) => kept === 1).length,
      );
    }
  });

  it("is a run that is watched and listed, chosen within an earlier mask and grown from one", async () => {
    const magnitude = ["prune", state, "--method", "magnitude"];
    await text(...magnitude, "--density", "0.4", "--runs", "kept", "--layers");
    expect(await text("runs", "list", "--runs", "kept")).toMatch(/resnet/);
    expect(await text("watch", "kept", "--once")).toMatch(/finished/);
    await text(...magnitude, "--density", "0.4", "--out", "most.safetensors");
    await text(
      ...magnitude,
      "--within",
      "most.safetensors",
      "--density",
      "0.1",
      "--out",
      "least.safetensors",
    );
    await text(
      "prune",
      state,
      "--method",
      "random",
      "--from",
      "least.safetensors",
      "--density",
      "0.2",
      "--out",
      "grown.safetensors",
    );
    const [most, least, grown] = await Promise.all(
      ["most", "least", "grown"].map(
        async (name) => (await readSafetensors(maskOf(`${name}.safetensors`))).tensors,
      ),
    );
    for (const [name, { data }] of least!) {
      const isKept = (mask: typeof most) =>
        [...data].every((kept, k) => kept === 0 || mask!.get(name)!.data[k] === 1);
      expect([isKept(most), isKept(grown)], name).toEqual([true, true]);
    }
  });

  it("is refused where units are needed: paths, compact, checks", async () => {
    expect(await refusal("prune", state, "--density", "0.2")).toMatch(
      /weights without their network.*--architecture/,
    );
    expect(
      await refusal("prune", state, "--density", "0.2", "--method", "magnitude", "--check", "widen"),
    ).toMatch(/check widen: .*weights alone are known/);
    await text("prune", state, "--method", "erk", "--density", "0.2", "--out", "erk.safetensors");
    // what layers alone need is done
    const shuffled = ["--method", "erk", "--density", "0.2", "--check", "shuffle"];
    await text("prune", state, ...shuffled, "--out", "shuffled.safetensors");
    const [erk, moved] = await Promise.all(
      ["erk", "shuffled"].map((name) => readSafetensors(maskOf(`${name}.safetensors`))),
    );
    for (const [name, { data }] of erk!.tensors) {
      const own = moved!.tensors.get(name)!.data;
      const count = (mask: Uint8Array) => mask.reduce((sum, kept) => sum + kept, 0);
      expect([name, count(own)]).toEqual([name, count(data)]);
    }
    const bytes = (masks: typeof erk) => [...masks!.tensors.values()].map(({ data }) => [...data]);
    expect(bytes(moved)).not.toEqual(bytes(erk));
    expect(await refusal("prune", state, ...shuffled, "--check-option", "within=unit")).toMatch(
      /check shuffle: .*weights alone are known/,
    );
    const args = [
      "export",
      state,
      "--masks",
      "erk.safetensors",
      "--form",
      "compact",
      "--out",
      "small.safetensors",
    ];
    expect(await refusal(...args)).toMatch(/form compact: .*units are known/);
    expect(await refusal("prune", state, "--density", "0.2", "--prune-embeddings")).toMatch(
      /--prune-embeddings: .*magnitude, random, uniform, erk/,
    );
  });
});

describe("phew doctor MODEL", () => {
  const levels = async (...args: string[]) => JSON.parse(await text("doctor", ...args, "--json")).levels;

  it("says which levels it reaches, and names every node in the way", async () => {
    const whole = await levels(path.join(fixtures, "resnet.script.onnx"));
    expect(whole.map(({ level, reached }: { level: string; reached: boolean }) => [level, reached])).toEqual([
      ["weights", true],
      ["units", true],
      ["computed", true],
    ]);
    expect((await levels("resnet20"))[2].reached).toBe(true);
    const [weights, units] = await levels(state);
    expect([weights.reached, units.reached]).toEqual([true, false]);
    expect(units.detail).toMatch(/without their network/);
  });

  it("lists what stands in the way of a recurrent net whose cells see peepholes", async () => {
    const model = path.join(folder, "peepholes.onnx");
    const file = onnxFile({
      inputs: { x: [2, 4, 3] },
      nodes: [
        { op: "Transpose", in: ["x"], out: ["steps"], attributes: { perm: [1, 0, 2] } },
        {
          op: "LSTM",
          in: ["steps", "w", "r", "", "", "", "", "p"],
          out: ["all", "y"],
          attributes: { hidden_size: 5 },
        },
      ],
      tensors: { w: tensor([1, 20, 3], 1), r: tensor([1, 20, 5], 2), p: tensor([1, 15], 3) },
    });
    writeFileSync(model, file);
    const [, units] = await levels(model);
    expect(units.nodes.map(({ operation }: { operation: string }) => operation)).toContain("LSTM");
    expect(await text("doctor", model)).toMatch(/in the way of units:\n {2}LSTM.*peepholes/);
    // a refusal says the same, and what the file is good for
    const { stderr } = await phew(["prune", model, "--density", "0.1"], scratchFolder());
    expect(stderr).toMatch(/weights alone can be pruned.*\n.*LSTM/);
  });
});
