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

it("has a row for each finished run, counts those left out, and writes into the given folder", async () => {
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
    ["report", "results"].flatMap((name) => ["csv", "md", "tex", "txt"].map((end) => `${name}.${end}`)),
  );
  const rows = readText(path.join(folder, "far", "away", "report.csv"))
    .trim()
    .split("\n")
    .slice(1);
  expect(rows.map((row) => row.split(",").slice(-3))).toEqual([
    ["0.5", "last epoch", ""],
    ["0.75", "last epoch", "1"],
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
  const outcome = await phew(["report", "--no-figures", "--tensorboard", "a/names"], folder);
  expect(outcome.stdout).toContain("2 runs for tensorboard --logdir a/names");
  expect(readdirSync(links).sort()).toEqual(["note.txt", "phew 5 % · seed 1", "phew 5 % · seed 2"]);
  const [first] = listRuns(runs);
  const files = readdirSync(path.join(first!.folder, "tb"));
  expect(files[0]).toMatch(/^events\.out\.tfevents\./);
  expect(readdirSync(path.join(links, "phew 5 % · seed 1"))).toEqual(files);
});

it("is one page by --html, whose file of all runs is of the same runs", async () => {
  const folder = scratchFolder();
  await phew(
    [
      ..."train lenet5 --classes 3 --train-count 48 --test-count 24 --epochs 1 --no-figures".split(" "),
      "--density",
      "0.1",
    ],
    folder,
  );
  for (const seed of ["0", "1"])
    await phew(
      [
        ..."train mlp --classes 3 --train-count 48 --test-count 24 --epochs 1 --no-figures --optimiser adamw --density 0.2 --option bias=square".split(
          " ",
        ),
        "--seed",
        seed,
      ],
      folder,
    );
  const made = await phew(["report", "runs/train", "--html", "--out", "a/b/page.html", "--json"], folder);
  expect(made.exitCode, made.stderr).toBe(0);
  expect(JSON.parse(made.stdout).files).toEqual(["a/b/page.html"]);
  expect(filesBelow(path.join(folder, "a", "b"))).toEqual(["page.html"]);
  const html = readText(path.join(folder, "a", "b", "page.html"));
  const plain = html.replaceAll("&quot;", '"').replaceAll("&#39;", "'");
  expect(plain).toContain("phew train mlp --classes 3");
  const sweeps = [...plain.matchAll(/<code>phew sweep ([^<]+)<\/code>[^{]*({[\s\S]*?})\n<\/pre>/g)];
  expect(sweeps).toHaveLength(2);
  const counts = [];
  for (const [, name = "", text = ""] of sweeps) {
    writeFileSync(path.join(folder, name), text);
    const planned = await phew(["sweep", name, "--dry-run", "--json"], folder);
    expect(planned.exitCode, planned.stderr).toBe(0);
    const { runs } = JSON.parse(planned.stdout);
    expect(new Set(runs.map(({ state }: { state: string }) => state))).toEqual(new Set(["finished"]));
    counts.push(runs.length);
  }
  expect(counts.sort()).toEqual([1, 2]);
  const again = await phew(["report", "runs", "--html", "--out", "a/b/page.html"], folder);
  expect([again.exitCode, again.stderr]).toEqual([1, expect.stringMatching(/a file that exists/)]);
  const whole = await phew(
    ["report", "runs", "--html", "--out", "a/b/page.html", "--force", "--no-figures"],
    folder,
  );
  expect(whole.exitCode, whole.stderr).toBe(0);
  expect(readText(path.join(folder, "a", "b", "page.html"))).not.toContain("<svg");
});

it("prints the tables alone in the form of --format", async () => {
  const folder = scratchFolder();
  writeRun(path.join(folder, "runs"), 0, 0.5, "finished");
  writeRun(path.join(folder, "runs"), 1, 0.75, "finished");
  const printed = async (form: string) =>
    (await phew(["report", "--no-figures", "--format", form], folder)).stdout;
  // 50 and 75: interval 12.706 · 17.68 / √2 = 158.8
  expect(await printed("latex")).toMatch(
    /^% lenet5 · glyphs · phew 5 %\n\\begin\{tabular\}[\s\S]*\n\\begin\{tabular\}[\s\S]* 62\.5 \\% & 158\.8 \\% & 17\.7 \\% & [\s\S]*\\end\{tabular\}\n$/,
  );
  expect((await printed("csv")).split("\n").map((line) => line.split(",").length)).toEqual([16, 16, 16, 1]);
  expect(await printed("markdown")).toContain("| 62.5 % | 158.8 % | 17.7 % |");
  expect((await phew(["report", "--format", "word"], folder)).exitCode).toBe(2);
});

it("says what to do where there is nothing to report", async () => {
  const folder = scratchFolder();
  writeRun(path.join(folder, "runs"), 3, 0.25, "interrupted");
  expect((await phew(["report"], folder)).stderr).toMatch(/no finished run among 1.*--all/);
  expect(await phew(["report", "elsewhere"], folder)).toMatchObject({ exitCode: 1 });
});
