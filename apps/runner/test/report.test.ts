/** `phew report`: finished runs side by side. */
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { listRuns, RunWriter } from "@phew/runs";
import { expect, it } from "vitest";
import { filesBelow, phew, readText, scratchFolder } from "./phew.ts";

function writeRun(root: string, seed: number, accuracy: number, state: "finished" | "interrupted"): void {
  const config = { model: "lenet5", dataset: "glyphs", method: "phew", density: 0.05, seed };
  const writer = RunWriter.open({ root, experiment: "e", name: "phew 5 %", config, defaults: {}, seed });
  writer.append({ kind: "run.started", name: "phew 5 %", config });
  const losses = { loss: 1, accuracy: 0.5, testLoss: 1, testAccuracy: accuracy };
  writer.append({ kind: "train.epoch", epoch: 1, ...losses, rate: 0.1, elapsedMs: 9 });
  writer.close({ state });
}

it("has a row for each finished run, tells how many are left out, and writes where it is told to", async () => {
  const folder = scratchFolder();
  writeRun(path.join(folder, "runs"), 1, 0.5, "finished");
  writeRun(path.join(folder, "runs"), 2, 0.75, "finished");
  writeRun(path.join(folder, "runs"), 3, 0.25, "interrupted");
  const shown = await phew(["report", "--out", "far/away", "--no-figures", "--target", "0.7"], folder);
  expect(shown.exitCode, shown.stderr).toBe(0);
  expect(shown.stdout).toMatch(/epochs to 70 %/);
  expect(shown.stdout).toMatch(/1 that is not finished left out/);
  expect(shown.stdout.split("\n")[0]).toBe("lenet5 · glyphs · phew 5 %");
  // mean 62.5 %, interval tan(0.475 π) · 12.5 %, deviation 25 % / √2, of the two that are finished
  expect(shown.stdout).toMatch(/ 2 +– +62\.5 % +158\.8 % +17\.7 % +[0-9a-f]{10}-1,2\n/);
  expect(filesBelow(path.join(folder, "far", "away"))).toEqual(
    ["report", "results"].flatMap((name) => ["csv", "md", "txt"].map((end) => `${name}.${end}`)),
  );
  const rows = readText(path.join(folder, "far", "away", "report.csv"))
    .trim()
    .split("\n")
    .slice(1);
  expect(rows.map((row) => row.split(",").slice(-2))).toEqual([
    ["0.5", ""],
    ["0.75", "1"],
  ]);
  const all = JSON.parse(
    (await phew(["report", "runs/e", "--all", "--json", "--no-figures"], folder)).stdout,
  );
  expect(all.runs.map(({ life }: { life: string }) => life).sort()).toEqual([
    "finished",
    "finished",
    "interrupted",
  ]);
});

it("links files of TensorBoard under the names of the runs, anew each time, and leaves other files alone", async () => {
  const folder = scratchFolder();
  const runs = path.join(folder, "runs");
  for (const seed of [1, 2]) writeRun(runs, seed, 0.5, "finished");
  const links = path.join(folder, "a", "names");
  mkdirSync(links, { recursive: true });
  writeFileSync(path.join(links, "note.txt"), "mine");
  symlinkSync("nowhere", path.join(links, "phew 20 %"));
  const told = await phew(["report", "--no-figures", "--tensorboard", "a/names"], folder);
  expect(told.stdout).toContain("2 runs for tensorboard --logdir a/names");
  expect(readdirSync(links).sort()).toEqual(["note.txt", "phew 5 % · seed 1", "phew 5 % · seed 2"]);
  const [first] = listRuns(runs);
  const files = readdirSync(path.join(first!.folder, "tb"));
  expect(files[0]).toMatch(/^events\.out\.tfevents\./);
  expect(readdirSync(path.join(links, "phew 5 % · seed 1"))).toEqual(files);
});

it("says what to do where there is nothing to report", async () => {
  const folder = scratchFolder();
  writeRun(path.join(folder, "runs"), 3, 0.25, "interrupted");
  expect((await phew(["report"], folder)).stderr).toMatch(/no finished run among 1.*--all/);
  expect(await phew(["report", "elsewhere"], folder)).toMatchObject({ exitCode: 1 });
});
