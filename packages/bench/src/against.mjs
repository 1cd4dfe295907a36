/**
 * The command, and steps of training, beside those of another checkout of this repository, built:
 *   node packages/bench/src/against.mjs OTHER [--rounds 7] [--steps 3] [--file big.onnx] [--only NAME,NAME…]
 * Whole processes of `phew prune` at a density of 5 %: resnet20, vgg19-bn and a file, if one is given; and steps of
 * training of resnet20 at 5 %, batches of 128, one thread. In turns (other, own, other, own …), processor time of all
 * threads: the median of each, and the median of the rounds' ratios (own / other) with its quartiles.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { measured, median } from "./processorTime.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    steps: { type: "string", default: "3" },
    file: { type: "string" },
    only: { type: "string" },
    "as-child": { type: "boolean", default: false },
  },
});
const own = fileURLToPath(new URL("../../..", import.meta.url));
const [other] = positionals.map((root) => resolve(root));
if (values["as-child"]) console.log(await stepsOf(other, Number(values.steps)));
else await compare();

async function compare() {
  const scratch = mkdtempSync(join(tmpdir(), "phew-against-"));
  const out = join(scratch, "masks.safetensors");
  const prune = (model) => (root) =>
    commandTime(root, ["prune", model, "--density", "0.05", "--out", out, "--force"]);
  const work = {
    "prune resnet20": prune("resnet20"),
    "prune vgg19-bn": prune("vgg19-bn"),
    ...(values.file === undefined ? {} : { "prune the file": prune(resolve(values.file)) }),
    [`${values.steps} steps of resnet20`]: childTime,
  };
  const names = Object.keys(work).filter(
    (name) => values.only === undefined || values.only.split(",").includes(name),
  );
  const times = new Map(names.map((name) => [name, []]));
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const name of names) {
        const pair = [];
        // the first of a round has cold caches: it is the other's and the own one's by turns
        for (const root of round % 2 === 0 ? [other, own] : [own, other]) pair.push(await work[name](root));
        times.get(name).push(round % 2 === 0 ? pair : pair.reverse());
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log("| | other, s | own, s | own / other | quartiles |\n|---|---|---|---|---|");
  for (const [name, pairs] of times) {
    const ratios = pairs.map(([a, b]) => b / a).sort((a, b) => a - b);
    const at = (share) => ratios[Math.round(share * (ratios.length - 1))].toFixed(3);
    const [a, b] = [0, 1].map((k) => (median(pairs.map((pair) => pair[k])) / 1e3).toFixed(2));
    console.log(`| ${name} | ${a} | ${b} | ${at(0.5)} | ${at(0.25)}, ${at(0.75)} |`);
  }
}

/** Processor time of one command, in milliseconds. */
function commandTime(root, args) {
  const timed = `TIMEFORMAT=$'\\nprocessor %U %S'; time "$0" "$@"`;
  const command = ["-c", timed, process.execPath, join(root, "apps/runner/bin/phew.js"), ...args];
  return new Promise((done, fail) => {
    execFile("/bin/bash", command, { maxBuffer: 2 ** 26 }, (error, _stdout, stderr) => {
      if (error !== null) return fail(new Error(stderr));
      const [, user, system] = /\nprocessor ([0-9.]+) ([0-9.]+)/.exec(stderr);
      done(1e3 * (Number(user) + Number(system)));
    });
  });
}

/** Steps in a process of their own, which loads the packages of the checkout. */
function childTime(root) {
  const args = [fileURLToPath(import.meta.url), root, "--as-child", "--steps", values.steps];
  return new Promise((done, fail) => {
    execFile(process.execPath, args, (error, stdout) =>
      error === null ? done(Number(stdout)) : fail(error),
    );
  });
}

async function stepsOf(root, steps) {
  const load = (name) => import(pathToFileURL(join(root, "packages", name, "dist/index.js")));
  const [{ initialise, prune, zooModel }, { loadExecutor }] = [await load("core"), await load("training")];
  const network = zooModel("resnet20");
  const weights = await initialise(network, { seed: 0 });
  const { masks } = await prune(network, weights, { method: "phew", density: 0.05, seed: 0 });
  const count = 128;
  const x = Float32Array.from({ length: count * 3072 }, (_, k) => Math.sin(k * 0.7) + Math.cos(k * 0.013));
  const y = Int32Array.from({ length: count }, (_, k) => k % 10);
  const factory = await loadExecutor("sparse");
  // older checkouts are told the same in other words
  const optimiser = { name: "sgd", momentum: 0.9, nesterov: false, weightDecay: 0 };
  const given = { network, weights, masks, threadCount: 1, batchSize: count, seed: 0, optimiser };
  const executor = await factory(given);
  const step = () => executor.step({ x, y, count }, 0.01);
  await step();
  const time = await measured(async () => {
    for (let k = 0; k < steps; k++) await step();
  });
  executor.dispose();
  return time;
}
