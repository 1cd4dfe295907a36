/**
 * Networks of model files are trained as those of the zoo are, and go back to PyTorch with the accuracy that the run says.
 * The files are one small ResNet by both exporters of PyTorch (fixtures/exportResnet.py).
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  float32Tensor,
  readOnnx,
  readSafetensors,
  type Tensor,
  toFloat32,
  writeSafetensors,
} from "@phew/formats";
import { type Examples, loadDataset } from "@phew/training";
import { beforeAll, describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { lastingFolder, phew, readText } from "./phew.ts";

const fixtures = fileURLToPath(new URL("fixtures", import.meta.url));
const folder = lastingFolder();
const CLASSES = 4;
const [TRAIN_COUNT, TEST_COUNT] = [800, 200];
const DATA = `--classes ${CLASSES} --train-count ${TRAIN_COUNT} --test-count ${TEST_COUNT}`.split(" ");
const SETTINGS = [
  ...DATA,
  ..."--batch-size 32 --rate 0.05 --density 0.3 --threads 1 --no-figures".split(" "),
];
const QUICK = [...SETTINGS, "--epochs", "1"];

const json = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await phew([...args, "--json"], folder);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
};
const refusal = async (...args: string[]) => {
  const { exitCode, stderr } = await phew(args, folder);
  expect([1, 2]).toContain(exitCode);
  return stderr;
};
const eventsOf = (run: string) =>
  readText(path.join(folder, run, "events.jsonl"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const notesOf = (run: string) =>
  eventsOf(run).flatMap(({ kind, message }) => (kind === "log" ? [message as string] : []));
const tensorsOf = async (file: string) => (await readSafetensors(path.join(folder, file))).tensors;

function inputsOf(examples: Examples): Float32Array {
  const x = new Float32Array(examples.count * 28 * 28);
  examples.fillInto(
    x,
    Uint32Array.from({ length: examples.count }, (_, k) => k),
  );
  return x;
}

function labelsOf({ classes, count }: Examples): Tensor {
  return { dtype: "I64", shape: [count], data: new Uint8Array(BigInt64Array.from(classes, BigInt).buffer) };
}

beforeAll(async () => {
  for (const name of readdirSync(fixtures).filter((each) =>
    /^(resnet\..*|mobile|unet|sequence|next)(\.onnx)?$/.test(each),
  ))
    copyFileSync(path.join(fixtures, name), path.join(folder, name));
  const { train, test } = await loadDataset("glyphs", {
    classCount: CLASSES,
    trainCount: TRAIN_COUNT,
    testCount: TEST_COUNT,
  });
  const [xTrain, xTest] = [train, test].map(inputsOf);
  const [yTrain, yTest] = [train, test].map(labelsOf);
  const write = (name: string, tensors: Readonly<Record<string, Tensor>>) =>
    writeSafetensors(path.join(folder, name), new Map(Object.entries(tensors)));
  await write("test.safetensors", { x: float32Tensor([TEST_COUNT, 1, 28, 28], xTest!), y: yTest! });
  const rows = (x: Float32Array) => float32Tensor([x.length / 784, 28, 1, 28], x);
  await write("rows-test.safetensors", { x: float32Tensor([TEST_COUNT, 28, 28], xTest!), y: yTest! });
  await write("rows.safetensors", {
    x_train: rows(xTrain!),
    y_train: yTrain!,
    x_test: rows(xTest!),
    y_test: yTest!,
  });
});

const PEERS =
  "import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in 'torch onnx onnxscript safetensors'.split()))";
const hasPeers = spawnSync("python3", ["-c", PEERS]).status === 0;

const page = readText(fileURLToPath(new URL("../../../docs/pytorch.md", import.meta.url)));

/** Accuracy in PyTorch of the module that back.py of the page loads, for each class and file of a state dict. */
const ACCURACY = `
import sys, shutil, types, torch
sys.path.insert(0, sys.argv[1])
import exportResnet, exportFamilies
for name, file in zip(sys.argv[2::2], sys.argv[3::2]):
    shutil.copy(file, "trained.safetensors")
    make = exportResnet.Net if name == "Net" else getattr(exportFamilies, name)
    sys.modules["model"] = types.SimpleNamespace(Net=make)
    own = {}
    exec(open("back.py").read(), own)
    test = own["load_file"]("test.safetensors")
    x = test["x"].reshape(-1, 28, 28) if name == "Sequence" else test["x"]
    with torch.no_grad():
        print((own["model"](x).argmax(1) == test["y"]).double().mean().item())
`;

/** Of the ResNet. */
const runs: string[] = [];
const accuracies: number[] = [];

describe("a ResNet of PyTorch's exporters", () => {
  it.each(["resnet.script.onnx", "resnet.dynamo.onnx"])("%s learns", async (file) => {
    const { folder: run, testAccuracy, warnings } = await json("train", file, ...SETTINGS);
    expect(warnings).toEqual([]);
    expect(testAccuracy).toBeGreaterThan(0.6);
    expect(notesOf(run)).toContain(`Training starts from the weights of ${file}.`);
    runs.push(run);
    accuracies.push(testAccuracy);
  });

  it("is the same network in both files: the same masks and the same trained weights", async () => {
    for (const file of ["masks.safetensors", "checkpoint.safetensors"]) {
      const [script, dynamo] = await Promise.all(runs.map((run) => tensorsOf(path.join(run, file))));
      for (const [name, { data }] of script!) expect(dynamo!.get(name)?.data, name).toEqual(data);
    }
  });

  it("goes back into its own form: the same nodes and names, and the accuracy of the run", async () => {
    const nodesOf = async (file: string) => {
      const { onnx, network } = await readOnnx(path.join(folder, file));
      const nodes = onnx.graph.order.filter(({ opType }) => opType !== "Identity");
      return [nodes.map(({ title, opType }) => [title, opType]), network.parameters.map(({ name }) => name)];
    };
    for (const [k, run] of runs.entries()) {
      await json("export", run, "--out", `${k}-own.onnx`);
      expect(await nodesOf(`${k}-own.onnx`)).toEqual(
        await nodesOf(`resnet.${k === 0 ? "script" : "dynamo"}.onnx`),
      );
      for (const form of ["zeroed", "original+masks", "compact"]) {
        await json("export", run, "--form", form, "--out", `${k}-${form}.onnx`);
        const predicted = await json("predict", `${k}-${form}.onnx`, "--batch", "test.safetensors");
        expect(predicted.accuracy, form).toBe(accuracies[k]);
      }
    }
  });

  it.skipIf(!hasPeers || !isLong)("is what the exporters of this machine write (long)", async () => {
    for (const script of ["exportResnet.py", "exportFamilies.py"]) {
      const made = spawnSync("python3", [path.join(fixtures, script), folder], { encoding: "utf8" });
      expect(made.status, made.stderr).toBe(0);
    }
    for (const file of ["resnet.script.onnx", "resnet.dynamo.onnx", "mobile.onnx", "unet.onnx"]) {
      const { testAccuracy } = await json("train", file, ...SETTINGS, "--runs", "own");
      expect(testAccuracy, file).toBeGreaterThan(0.4);
    }
  });

  it("is a run that lists and reports call by the name of the file", async () => {
    const { runs: listed } = await json("runs", "list", "model=resnet.script.onnx");
    expect(listed.map((run: { id: string }) => run.id)).toEqual([path.basename(runs[0]!)]);
    const { stdout } = await phew(["runs"], folder);
    expect(stdout).toMatch(/finished +resnet\.script\.onnx/);
  });

  it("goes on by the folder of the run, and is done before", async () => {
    const { skipped, folder: run } = await json("train", runs[0]!, "--no-figures");
    expect([skipped, run]).toEqual([true, runs[0]]);
    expect(await refusal("train", runs[0]!, "--epochs", "2")).toMatch(/--epochs/);
    expect(await refusal("train", `${runs[0]}@best`)).toMatch(/--start-weights/);
  });

  it("needs its file: a run says what is missing, and takes the file from elsewhere", async () => {
    const [moved, file] = ["moved.onnx", "resnet.script.onnx"].map((name) => path.join(folder, name));
    renameSync(file!, moved!);
    try {
      const gone = await refusal("predict", runs[0]!, "--batch", "test.safetensors");
      expect(gone).toMatch(/resnet\.script\.onnx, which is not there, expected .*sha256:.*--architecture/);
      expect(await refusal("train", runs[0]!, "--force")).toMatch(
        /resnet\.script\.onnx.*no such file.*sha256:/,
      );
      const args = ["--architecture", "moved.onnx", "--batch", "test.safetensors"];
      expect((await json("predict", runs[0]!, ...args)).accuracy).toBe(accuracies[0]);
      copyFileSync(path.join(folder, "resnet.dynamo.onnx"), file!);
      expect(await refusal("predict", runs[0]!, "--batch", "test.safetensors")).toMatch(/another file now/);
      expect(await refusal("train", runs[0]!, "--force")).toMatch(/another file than the configuration/);
    } finally {
      renameSync(moved!, file!);
    }
  });
});

/** By the name of the file: class of the module, run, and accuracy. */
const families = new Map<string, { module: string; run: string; accuracy: number }>();

const QUICKLY = "--epochs 4 --rate 0.1".split(" ");

describe("networks of other families", () => {
  it.each([
    ["mobile", "Mobile", [...DATA, ...QUICKLY]],
    ["unet", "Unet", [...DATA, ...QUICKLY]],
    // its channels are the rows of an image
    ["sequence", "Sequence", ["--dataset", "arrays", "--data-dir", "rows.safetensors", ...QUICKLY]],
    ["next", "Next", [...DATA, ..."--epochs 8 --optimiser adamw --rate 0.02".split(" ")]],
  ])(
    "%s.onnx learns, and goes back into its own form with the accuracy of the run",
    async (name, module, own) => {
      const settings = "--batch-size 32 --density 0.4 --threads 1 --no-figures".split(" ");
      const { folder: run, testAccuracy } = await json("train", `${name}.onnx`, ...own, ...settings);
      // of four classes
      expect(testAccuracy).toBeGreaterThan(0.4);
      families.set(name, { module, run, accuracy: testAccuracy });
      await json("export", run, "--out", `${name}-zeroed.onnx`);
      const batch = name === "sequence" ? "rows-test.safetensors" : "test.safetensors";
      const { accuracy } = await json("predict", `${name}-zeroed.onnx`, "--batch", batch);
      expect(accuracy).toBe(testAccuracy);
    },
  );
});

it.skipIf(!hasPeers)(
  "PyTorch loads each as docs/pytorch.md says, with the accuracy of the run (skipped where python3 has no torch)",
  async () => {
    const [, back] = /<!-- back\.py -->\s*```python\n([\s\S]*?)```/.exec(page)!;
    writeFileSync(path.join(folder, "back.py"), back!);
    const all = [
      ...runs.map((run, k) => ({ module: "Net", run, accuracy: accuracies[k] })),
      ...families.values(),
    ];
    const args: string[] = [];
    for (const [k, { module, run }] of all.entries()) {
      await json("export", run, "--form", "zeroed", "--out", `${k}.safetensors`);
      args.push(module, `${k}.safetensors`);
    }
    const { status, stdout, stderr } = spawnSync("python3", ["-c", ACCURACY, fixtures, ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(stdout.trim().split("\n").map(Number)).toEqual(all.map(({ accuracy }) => accuracy));
  },
);

it("a TensorFlow.js model is trained too, its shards are in its digest, and it goes back into its own form", async () => {
  mkdirSync(path.join(folder, "tfjs"));
  mkdirSync(path.join(folder, "back"));
  const masks = ["--masks", "dense.safetensors"];
  const lenet = ["lenet5", "--classes", `${CLASSES}`];
  await json("prune", ...lenet, "--method", "magnitude", "--density", "1", "--out", "dense.safetensors");
  await json("export", ...lenet, ...masks, "--out", "tfjs/model.json");
  const { folder: run, testAccuracy } = await json("train", "tfjs/model.json", ...QUICK);
  await json("export", run, "--out", "back/model.json");
  const { accuracy } = await json("predict", "back/model.json", "--batch", "test.safetensors");
  expect(accuracy).toBe(testAccuracy);
  const shard = path.join(folder, "tfjs", "group1-shard1of1.bin");
  const bytes = readFileSync(shard);
  bytes[1]! ^= 1;
  writeFileSync(shard, bytes);
  expect(await refusal("export", run, "--out", "back/other.json")).toMatch(/another file now/);
});

describe("what a run of a model file starts from", () => {
  it("is drawn anew with --init, with a word", async () => {
    const { folder: run } = await json("train", "resnet.script.onnx", ...QUICK, "--init", "kaiming-fan-in");
    expect(notesOf(run)).toContain(
      "Weights are drawn anew (kaiming-fan-in, seed 0): those of resnet.script.onnx are not used.",
    );
  });

  it("is a state dict with the file as its architecture: the same run as --start-weights", async () => {
    const first = await json("train", "resnet.pt", "--architecture", "resnet.script.onnx", ...QUICK);
    const again = await json("train", "resnet.script.onnx", "--start-weights", "resnet.pt", ...QUICK);
    expect([again.skipped, again.folder]).toEqual([true, first.folder]);
    // it is the state dict that was exported
    const own = await json("train", "resnet.script.onnx", ...QUICK);
    const [a, b] = [first, own].map((run) => path.join(run.folder, "checkpoint.safetensors"));
    const [from, to] = [await tensorsOf(a!), await tensorsOf(b!)];
    for (const [name, tensor] of from) expect(toFloat32(to.get(name)!), name).toEqual(toFloat32(tensor));
  });

  it("has folded batch normalisation said, and trains without it", async () => {
    const { folder: run } = await json("train", "resnet.folded.onnx", ...QUICK);
    expect(notesOf(run).join("\n")).toMatch(/batch normalisation was folded into 7 of 8 layers/);
  });
});

describe("a model file is refused", () => {
  it.each([
    [
      "for other images, before they are read",
      ["--dataset", "cifar10", "--data-dir", "nowhere"],
      /1 × 28 × 28.*3 × 32 × 32, the images of cifar10/,
    ],
    ["for another number of classes", ["--classes", "5"], /4 outputs, expected 5, the classes of glyphs/],
    ["with an input that is none of its", ["--input", "1,32,32"], /--input 1,32,32, expected 1,28,28/],
    ["with an output that it has not", ["--output", "probabilities"], /"probabilities".*logits/],
  ])("%s", async (_, args, message) => {
    expect(
      await refusal("train", "resnet.script.onnx", "--classes", "4", "--density", "0.3", ...args),
    ).toMatch(message);
  });

  it("where it is missing, or holds weights alone; settings of files are none of the zoo's", async () => {
    expect(await refusal("train", "gone.onnx", "--density", "0.3")).toMatch(/gone\.onnx.*no such file/);
    expect(await refusal("train", "resnet.pt", "--density", "0.3")).toMatch(
      /weights without.*--architecture/,
    );
    expect(await refusal("train", "mlp", "--density", "0.3", "--output", "y")).toMatch(/y for mlp/);
    expect(await refusal("train", "mlp", "--density", "0.3", "--architecture", "lenet5")).toMatch(
      /weights file/,
    );
  });
});

describe("other verbs", () => {
  const small = { classCount: 4, trainCount: 64, testCount: 32, epochs: 1, density: 0.5 };

  it("sweep has files from the folder of its own file, and another file is another configuration", async () => {
    const settings = { ...small, model: "../resnet.script.onnx" };
    mkdirSync(path.join(folder, "sweeps"));
    const file = path.join(folder, "sweeps", "own.json");
    writeFileSync(file, JSON.stringify({ settings, grid: { rate: [0.01, 0.02] } }));
    const { runs } = await json("sweep", "sweeps/own.json", "--dry-run");
    expect(runs.length).toBe(2);
    writeFileSync(file, JSON.stringify({ settings: { ...settings, model: "../resnet.dynamo.onnx" } }));
    const { runs: others } = await json("sweep", "sweeps/own.json", "--dry-run");
    const ids = [...runs, ...others].map((run: { id: string }) => run.id);
    expect(new Set(ids).size).toBe(3);
    // of a file that another one extends from its own folder too
    mkdirSync(path.join(folder, "other"));
    writeFileSync(path.join(folder, "other", "top.json"), JSON.stringify({ extends: "../sweeps/own.json" }));
    const { runs: extended } = await json("sweep", "other/top.json", "--dry-run");
    expect(extended.map((run: { id: string }) => run.id)).toEqual(
      others.map((run: { id: string }) => run.id),
    );
  });

  it("imp rewinds to the weights of the file", async () => {
    const args = "--classes 4 --train-count 64 --test-count 32 --epochs 1 --density 0.5 --rounds 2".split(
      " ",
    );
    const { rounds } = await json("imp", "resnet.script.onnx", ...args);
    expect(rounds.map((round: { density: number }) => round.density.toFixed(2))).toEqual([
      "1.00",
      "0.71",
      "0.50",
    ]);
    expect(notesOf(rounds[2].folder)).toContain("Training starts from the weights of resnet.script.onnx.");
  });

  it("bench times it", async () => {
    const args = "--density 0.5 --batch-size 2 --rounds 1 --round-seconds 0 --baseline none".split(" ");
    const { reports } = await json("bench", "train", "resnet.dynamo.onnx", ...args);
    expect(JSON.stringify(reports)).toContain("resnet.dynamo");
  });
});
