/**
 * A run is gone on with, and called finished, with the data it was begun with; what these were is in its folder. And what
 * a process that was killed behind a run's end did not come to is done by the same command.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Tensor, writeSafetensors } from "@phew/formats";
import { expect, it } from "vitest";
import { bin, phew, phewProcess, readText, scratchFolder } from "./phew.ts";

const DATA = "data.safetensors";
const TRAIN = `train lenet5 --dataset arrays --data-dir ${DATA} --density 0.2 --batch-size 16 --threads 1 --no-figures`;

function arrays(count: number, shade: number): Record<string, Tensor> {
  const x = Uint8Array.from({ length: count * 784 }, (_, k) => (k * 31 + shade) % 256);
  const y = BigInt64Array.from({ length: count }, (_, k) => BigInt(k % 3));
  const data = new Uint8Array(y.buffer);
  return {
    x: { dtype: "U8", shape: [count, 1, 28, 28], data: x },
    y: { dtype: "I64", shape: [count], data },
  };
}

async function writeData(folder: string, shade: number): Promise<void> {
  const [train, test] = [arrays(48, shade), arrays(12, 0)];
  const tensors = { x_train: train.x!, y_train: train.y!, x_test: test.x!, y_test: test.y! };
  await writeSafetensors(path.join(folder, DATA), new Map(Object.entries(tensors)), {}, { force: true });
}

// a process looks at its data once
const json = async (folder: string, more: readonly string[], run = phewProcess) => {
  const { stdout, stderr } = await run([...TRAIN.split(" "), ...more, "--json"], folder);
  expect(stdout, stderr).not.toBe("");
  return JSON.parse(stdout) as { folder: string; skipped: boolean };
};

it("data that changed since a run was finished are refused, though their size and time are as they were", async () => {
  const folder = scratchFolder();
  await writeData(folder, 1);
  const args = [...TRAIN.split(" "), "--epochs", "1"];
  const run = path.join(folder, (await json(folder, ["--epochs", "1"])).folder);
  const { data } = JSON.parse(readText(path.join(run, "config.json")));
  expect(data.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  const before = statSync(path.join(folder, DATA));
  // written anew with the same content
  await writeData(folder, 1);
  expect((await json(folder, ["--epochs", "1"])).skipped).toBe(true);
  await writeData(folder, 2);
  utimesSync(path.join(folder, DATA), before.atime, before.mtime);
  const refused = await phewProcess(args, folder);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /data set arrays in data\.safetensors: got other data than those of runs\/.* \(sha256:.*expected sha256:.*--experiment.*--force/,
  );
  // made again from the run's own file
  const again = ["train", "--config", path.join(run, "config.json"), "--experiment", "again", "--no-figures"];
  expect((await phewProcess(again, folder)).stderr).toMatch(/got other data than those of .*config\.json/);
  const sweep = {
    experiment: "train",
    settings: { ...JSON.parse(readText(path.join(run, "config.json"))).config },
  };
  delete (sweep.settings as { seed?: number }).seed;
  writeFileSync(path.join(folder, "sweep.json"), JSON.stringify(sweep));
  expect((await phewProcess(["sweep", "sweep.json"], folder)).stderr).toMatch(/got other data than those of/);
  expect((await json(folder, ["--epochs", "1", "--force"])).skipped).toBe(false);
  expect(JSON.parse(readText(path.join(run, "config.json"))).data.digest).not.toBe(data.digest);
  rmSync(path.join(folder, DATA));
  expect((await json(folder, ["--epochs", "1"])).skipped).toBe(true);
});

it("data that changed while a run was not at work are refused, and with the right ones it goes on", async () => {
  const folder = scratchFolder();
  await writeData(folder, 1);
  const args = [...TRAIN.split(" "), "--epochs", "300"];
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  while (!output.includes("epoch 2:")) await sleep(10);
  child.kill("SIGTERM");
  expect(await ended).toBe(130);
  await writeData(folder, 2);
  expect((await phewProcess(args, folder)).stderr).toMatch(/got other data than those of runs\//);
  await writeData(folder, 1);
  const onwards = spawn(process.execPath, [bin, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const resumed = new Promise<string>((resolve) =>
    onwards.stderr.once("data", (chunk) => resolve(`${chunk}`)),
  );
  expect(await resumed).toContain("goes on; its data come first");
  onwards.kill("SIGKILL");
  await new Promise((resolve) => onwards.on("exit", resolve));
});

it("a run records mean and deviation; those given are another run, one for each channel", async () => {
  const folder = scratchFolder();
  await writeData(folder, 1);
  const dataOf = async (more: readonly string[]) => {
    const run = (await json(folder, ["--epochs", "1", ...more], phew)).folder;
    return { run, ...JSON.parse(readText(path.join(folder, run, "config.json"))) };
  };
  const own = await dataOf([]);
  const pixels = arrays(48, 1).x!.data;
  const mean = pixels.reduce((sum, value) => sum + value / 255, 0) / pixels.length;
  expect(own.data.mean[0]).toBeCloseTo(mean, 9);
  const given = await dataOf(["--mean", "0.5", "--std", "0.25"]);
  expect(given.data).toMatchObject({ mean: [0.5], std: [0.25], digest: own.data.digest });
  expect(given.config).toMatchObject({ mean: [0.5], std: [0.25] });
  expect(given.run).not.toBe(own.run);
  writeFileSync(
    path.join(folder, "recipe.json"),
    JSON.stringify({ summary: "a", source: "b", settings: { mean: [0.5], std: [0.25] } }),
  );
  expect((await dataOf(["--recipe", "recipe.json"])).run).toBe(given.run);
  const wrong = await phew([...TRAIN.split(" "), "--epochs", "1", "--mean", "0.1,0.2,0.3"], folder);
  expect(wrong.stderr).toMatch(/mean: got 0\.1,0\.2,0\.3, expected 1 finite number, one for each channel/);
  for (const text of ["0", "-1", "x", ""])
    expect((await phew([...TRAIN.split(" "), "--std", text], folder)).exitCode).toBe(2);
});

it("a run whose process was killed behind its end is completed by the same command", async () => {
  const folder = scratchFolder();
  await writeData(folder, 1);
  const run = path.join(folder, (await json(folder, ["--epochs", "1"], phew)).folder);
  const reports = ["report.txt", "report.csv", "report.md"].map((name) => path.join(run, name));
  const [, csv] = reports.map(readText);
  for (const file of reports.slice(1)) rmSync(file);
  writeFileSync(path.join(run, "lock"), JSON.stringify({ pid: 2 ** 22 + 1, host: "gone", token: "x" }));
  const before = new Date(Date.now() - 100_000);
  utimesSync(path.join(run, "lock"), before, before);
  writeFileSync(path.join(run, "checkpoint.previous.safetensors"), "old");
  const weights = readFileSync(path.join(run, "checkpoint.safetensors"));
  expect((await json(folder, ["--epochs", "1"], phew)).skipped).toBe(true);
  expect(readText(reports[1]!)).toBe(csv);
  expect(existsSync(reports[2]!)).toBe(true);
  for (const name of ["lock", "checkpoint.previous.safetensors"])
    expect(existsSync(path.join(run, name)), name).toBe(false);
  expect(readFileSync(path.join(run, "checkpoint.safetensors"))).toEqual(weights);
});
