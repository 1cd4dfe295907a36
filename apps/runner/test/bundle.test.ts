/** What bin/phew.js, its threads and its processes load: the bundle alone, so that no module is there twice. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { bin, lastingFolder, outcomeOf, phewProcess } from "./phew.ts";

const folder = lastingFolder();
const list = path.join(folder, "loaded.txt");
const hooks = `import { appendFileSync } from "node:fs";
export function load(url, context, next) {
  appendFileSync(${JSON.stringify(list)}, url + "\\n");
  return next(url, context);
}`;
const start = path.join(folder, "start.mjs");
writeFileSync(path.join(folder, "hooks.mjs"), hooks);
writeFileSync(start, 'import { register } from "node:module"; register("./hooks.mjs", import.meta.url);');

/** Files that a command loads, its threads' and processes' among them. */
async function loadedBy(line: string): Promise<string[]> {
  writeFileSync(list, "");
  const listing = `--import ${pathToFileURL(start).href}`;
  const { exitCode, stderr } = await outcomeOf(process.execPath, [bin, ...line.split(" ")], folder, {
    NODE_OPTIONS: listing,
  });
  expect(exitCode, stderr).toBe(0);
  return readFileSync(list, "utf8").trimEnd().split("\n");
}

const compiled = (file: string) => /\/(packages|apps)\/\w+\/dist\//.test(file);
const bundled = (file: string) => /\/apps\/runner\/dist\/bundle\/|\/apps\/dashboard\/dist\//.test(file);

const short = "--density 0.1 --epochs 1 --train-count 64 --test-count 32";
const LINES = [
  ["--help", "main.js"],
  [`train mlp --dataset glyphs --augmentation crop1 ${short} --runs r`, "fillWorker.js"],
  ["compare mlp --methods phew,random --densities 0.1 --workers 2", "compareWorker.js"],
] as const;

describe("the bundle", () => {
  it.each(LINES)("phew %s loads nothing compiled beside it", async (line, program) => {
    const loaded = await loadedBy(line);
    expect(loaded.filter((file) => compiled(file) && !bundled(file))).toEqual([]);
    expect(loaded.map((file) => path.posix.basename(file))).toContain(program);
  });

  it("a trace names the sources", async () => {
    const { stderr } = await phewProcess(["analyze", "mlp", "--masks", "nothing"], folder, {
      PHEW_DEBUG: "1",
    });
    expect(stderr).toMatch(/at readFault \(.*packages\/formats\/src\/readFile\.ts:\d+/);
    expect(stderr).toMatch(/at async main \(.*apps\/runner\/src\/main\.ts:\d+/);
  });
});
