/** The verbs as a user calls them, from weights to masks, files and runs. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { zooModel } from "@phew/core";
import { readMasks, readSafetensors, toFloat32 } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { filesBelow, phew, readText, scratchFolder, sharedFile } from "./phew.ts";

async function json(args: readonly string[], cwd: string) {
  const { exitCode, stdout, stderr } = await phew([...args, "--json"], cwd);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe("phew prune", () => {
  it("gives the same bytes for the same seed, and others for another", async () => {
    const folder = scratchFolder();
    const prune = async (seed: number, out: string) => {
      const { exitCode } = await phew(
        ["prune", "resnet20", "--density", "0.05", `--seed=${seed}`, "--out", out],
        folder,
      );
      expect(exitCode).toBe(0);
      return readFileSync(path.join(folder, out));
    };
    const first = await prune(1, "a.safetensors");
    expect((await prune(1, "b.safetensors")).equals(first)).toBe(true);
    expect((await prune(2, "c.safetensors")).equals(first)).toBe(false);
  });

  it("writes nested masks for several densities of one seed, each with its origin", async () => {
    const folder = scratchFolder();
    const result = await json(
      ["prune", "lenet5", "--density", "0.1,0.02", "--seed", "7", "--out", "m-{density}.safetensors"],
      folder,
    );
    expect(result.masks.map((mask: { requestedDensity: number }) => mask.requestedDensity)).toEqual([
      0.1, 0.02,
    ]);
    const network = zooModel("lenet5");
    const [dense, sparse] = [
      await readMasks(path.join(folder, "m-0.1.safetensors"), network),
      await readMasks(path.join(folder, "m-0.02.safetensors"), network),
    ];
    expect(sparse.bytes.every((kept, k) => kept === 0 || dense.bytes[k] === 1)).toBe(true);
    const { metadata } = await readSafetensors(path.join(folder, "m-0.02.safetensors"));
    expect(metadata).toMatchObject({ method: "phew", seed: "7", requestedDensity: "0.02", format: "pt" });
    expect(metadata.weightsDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it("grows a mask from another", async () => {
    const folder = scratchFolder();
    await json(
      ["prune", "lenet5", "--method", "random", "--density", "0.02", "--out", "a.safetensors"],
      folder,
    );
    await json(
      [
        "prune",
        "lenet5",
        "--method",
        "magnitude",
        "--density",
        "0.1",
        "--from",
        "a.safetensors",
        "--out",
        "b.safetensors",
      ],
      folder,
    );
    const network = zooModel("lenet5");
    const a = await readMasks(path.join(folder, "a.safetensors"), network);
    const b = await readMasks(path.join(folder, "b.safetensors"), network);
    expect(b.keptCount).toBe(6147);
    expect(a.bytes.every((kept, k) => kept === 0 || b.bytes[k] === 1)).toBe(true);
  });

  it("prints one JSON document and nothing else", async () => {
    const { stdout, exitCode } = await phew(["prune", "--methods", "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).map((method: { name: string }) => method.name)).toEqual(
      expect.arrayContaining(["phew", "uniform-walk", "magnitude", "random", "uniform", "erk"]),
    );
  });
});

describe("phew analyze", () => {
  it("finds no ineffective weight in PHEW's mask and many in a random one", async () => {
    const folder = scratchFolder();
    await json(["prune", "lenet5", "--density", "0.02", "--seed", "5", "--out", "phew.safetensors"], folder);
    await json(
      [
        "prune",
        "lenet5",
        "--method",
        "random",
        "--density",
        "0.02",
        "--seed",
        "5",
        "--out",
        "random.safetensors",
      ],
      folder,
    );
    const phewMask = await json(["analyze", "lenet5", "--masks", "phew.safetensors"], folder);
    const random = await json(["analyze", "lenet5", "--masks", "random.safetensors"], folder);
    expect(phewMask.ineffectiveCount).toBe(0);
    expect(random.ineffectiveCount).toBeGreaterThan(100);
    expect(phewMask.pathKernelTrace).toBeGreaterThan(random.pathKernelTrace);
  });
});

describe.skipIf(sharedFile("golden") === undefined)(
  "golden networks (the shared test data is absent)",
  () => {
    it.each(["mlp", "convnet", "resnet-small", "depthwise"])(
      "%s: predict gives PyTorch's logits, and both files one mask",
      async (name) => {
        const folder = scratchFolder();
        const [onnx, weights, batch] = ["model.onnx", "weights.safetensors", "batch.safetensors"].map(
          (file) => sharedFile("golden", name, file)!,
        ) as [string, string, string];
        const predicted = await json(["predict", onnx, "--batch", batch], folder);
        expect(predicted.difference).toBeLessThan(1e-4);
        const fast = await json(["predict", onnx, "--batch", batch, "--fast-math"], folder);
        expect(fast.difference).toBeLessThan(1e-4);
        await json(["prune", onnx, "--density", "0.2", "--out", "a.safetensors"], folder);
        await json(
          ["prune", weights, "--architecture", onnx, "--density", "0.2", "--out", "b.safetensors"],
          folder,
        );
        const [a, b] = ["a", "b"].map((file) => readFileSync(path.join(folder, `${file}.safetensors`))) as [
          Buffer,
          Buffer,
        ];
        expect(a.equals(b)).toBe(true);
      },
    );

    it("every form of export gives the logits of the masked network", async () => {
      const folder = scratchFolder();
      const onnx = sharedFile("golden", "resnet-small", "model.onnx")!;
      const batch = sharedFile("golden", "resnet-small", "batch.safetensors")!;
      await json(["prune", onnx, "--density", "0.1", "--out", "m.safetensors"], folder);
      await json(
        ["predict", onnx, "--masks", "m.safetensors", "--batch", batch, "--out", "masked.safetensors"],
        folder,
      );
      const logitsIn = async (file: string) =>
        toFloat32((await readSafetensors(path.join(folder, file))).tensors.get("logits")!);
      const expected = await logitsIn("masked.safetensors");
      for (const form of ["zeroed", "compact", "original+masks"]) {
        await json(
          ["export", onnx, "--masks", "m.safetensors", "--form", form, "--out", `${form}.onnx`],
          folder,
        );
        await json(["predict", `${form}.onnx`, "--batch", batch, "--out", `${form}.safetensors`], folder);
        const logits = await logitsIn(`${form}.safetensors`);
        expect(Math.max(...logits.map((value, k) => Math.abs(value - expected[k]!))), form).toBeLessThan(
          1e-5,
        );
      }
    });
  },
);

describe("phew train", () => {
  const args = [
    "train",
    "lenet5",
    "--density",
    "0.1",
    "--epochs",
    "1",
    "--train-count",
    "320",
    "--test-count",
    "100",
  ];

  it("leaves a whole run folder, whose masks hold in the trained weights", async () => {
    const folder = scratchFolder();
    const result = await json(args, folder);
    const run = path.join(folder, result.folder);
    expect(filesBelow(run)).toEqual(
      expect.arrayContaining([
        "checkpoint.safetensors",
        "config.json",
        "environment.json",
        "events.jsonl",
        "learning-curves.png",
        "masks.safetensors",
        "metrics.csv",
        "report.md",
        "status.json",
      ]),
    );
    const kinds = readText(path.join(run, "events.jsonl"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).kind);
    expect(kinds[0]).toBe("run.started");
    expect(kinds).toEqual(
      expect.arrayContaining(["prune.finished", "train.started", "train.epoch", "train.finished"]),
    );
    expect(kinds.at(-1)).toBe("run.finished");
    const network = zooModel("lenet5");
    const masks = await readMasks(path.join(run, "masks.safetensors"), network);
    const { tensors } = await readSafetensors(path.join(run, "checkpoint.safetensors"));
    for (const parameter of network.prunable) {
      const weights = toFloat32(tensors.get(parameter.name)!);
      const mask = masks.of(parameter);
      expect(
        weights.every((w, k) => mask[k] === 1 || w === 0),
        parameter.name,
      ).toBe(true);
    }
    expect((await phew(["watch", "runs", "--once"], folder)).stdout).toMatch(/phew 10 %/);
  });

  it("skips a run that was finished, and repeats it bit for bit with --force", async () => {
    const folder = scratchFolder();
    const first = await json(args, folder);
    const metrics = readText(path.join(folder, first.folder, "metrics.csv"));
    expect(await json(args, folder)).toMatchObject({ skipped: true, folder: first.folder });
    expect(await json([...args, "--force"], folder)).toMatchObject({ skipped: false, folder: first.folder });
    expect(readText(path.join(folder, first.folder, "metrics.csv"))).toBe(metrics);
  });

  it("gives runs of other settings other folders", async () => {
    const folder = scratchFolder();
    const first = await json(args, folder);
    const second = await json([...args, "--rate", "0.01"], folder);
    expect(second.folder).not.toBe(first.folder);
  });
});

describe("a training whose numbers end", () => {
  it.each(["sparse", "tensorflow"])(
    "fails on the %s executor with step, layer and checkpoint, and the run says so",
    async (executor) => {
      const folder = scratchFolder();
      const { exitCode, stdout, stderr } = await phew(
        [
          "train",
          "lenet5",
          "--density",
          "0.1",
          "--rate",
          "1e6",
          "--epochs",
          "2",
          "--executor",
          executor,
          "--json",
        ].concat(["--train-count", "320", "--test-count", "20"]),
        folder,
      );
      expect(stderr).toMatch(
        /phew: Training diverged in epoch 1, step \d: the loss is (NaN|Infinity); "\w+" is the first layer whose values are not finite\. Lower the learning rate, or start from other weights\. The last good checkpoint is runs\/train\/\w+-0\/checkpoint\.safetensors, of step 0\.\n$/,
      );
      expect(stdout).toBe("");
      expect(exitCode).toBe(1);
      const status = filesBelow(folder).find((name) => name.endsWith("status.json"))!;
      const { state, failure } = JSON.parse(readText(path.join(folder, status)));
      expect(state).toBe("failed");
      expect(stderr).toContain(failure);
    },
  );
});

describe("phew zoo and doctor", () => {
  it("list what there is", async () => {
    const models = JSON.parse((await phew(["zoo", "--json"])).stdout) as {
      name: string;
      prunableCount: number;
    }[];
    expect(models.find((model) => model.name === "resnet20")?.prunableCount).toBe(270_896);
    const { findings } = JSON.parse((await phew(["doctor", "--json"])).stdout);
    expect(findings.find((finding: { what: string }) => finding.what === "walk engine").works).toBe(true);
  });
});
