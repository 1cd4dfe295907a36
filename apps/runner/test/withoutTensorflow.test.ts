/** The command where nothing of TensorFlow.js is installed, as a registry gives it: its optional peers are absent. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { lastingFolder, outcomeOf } from "./phew.ts";

const workspace = fileURLToPath(new URL("../../..", import.meta.url));
const folder = lastingFolder();
for (const member of ["apps/runner", "packages/training"]) install(path.join(workspace, member));

/** A built package with the packages that it depends on, and no others. */
function install(member: string): void {
  const { name, dependencies } = JSON.parse(readFileSync(path.join(member, "package.json"), "utf8"));
  const place = path.join(folder, "node_modules", name);
  for (const part of ["package.json", "dist", "bin", "recipes"]) {
    const from = path.join(member, part);
    if (existsSync(from)) cpSync(from, path.join(place, part), { recursive: true });
  }
  for (const dependency of Object.keys(dependencies).filter((other) => other !== "@phew/training")) {
    const link = path.join(place, "node_modules", dependency);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(member, "node_modules", dependency), link, "junction");
  }
}

const phew = (...args: string[]) =>
  outcomeOf(
    process.execPath,
    [path.join(folder, "node_modules", "@phew", "runner", "bin", "phew.js"), ...args],
    folder,
    // no way of pnpm to packages that nothing here depends on; no python to wait for
    { NODE_PATH: undefined, PATH: "" },
  );

const COMMAND = "npm install @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0";
const short = "--dataset glyphs --density 0.1 --epochs 1 --train-count 64 --test-count 32".split(" ");

describe("without TensorFlow.js", () => {
  it("a training on it says which command installs it, before any work; one on the sparse executor ends well", async () => {
    const refused = await phew("train", "lenet5", ...short, "--executor", "tensorflow", "--runs", "refused");
    expect(refused.stderr).toContain(
      `executor: got tensorflow, without the package @tensorflow/tfjs-core, expected an executor that is installed. Install it (${COMMAND}), or take the sparse executor.`,
    );
    expect(refused.exitCode).toBe(1);
    expect(existsSync(path.join(folder, "refused"))).toBe(false);
    const trained = await phew("train", "lenet5", ...short, "--runs", "trained");
    expect(trained.exitCode, trained.stderr).toBe(0);
  });

  it("one on it without a backend says the same, before any work", async () => {
    const core = path.join("node_modules", "@tensorflow", "tfjs-core");
    const link = path.join(folder, core);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(path.join(workspace, "packages", "training", core), link, "junction");
    const { stderr, exitCode } = await phew("train", "lenet5", ...short, "--executor", "tensorflow");
    rmSync(link);
    expect(stderr).toContain(
      "executor: got tensorflow, without tfjs-wasm: @tensorflow/tfjs-backend-wasm is not installed: npm install @tensorflow/tfjs-backend-wasm@4.22.0, expected",
    );
    expect(exitCode).toBe(1);
    expect(existsSync(path.join(folder, "runs"))).toBe(false);
  });

  it("doctor finds nothing amiss, and says which command installs it", async () => {
    const { exitCode, stdout, stderr } = await phew("doctor", "--json");
    expect(exitCode, stderr).toBe(0);
    const { findings } = JSON.parse(stdout) as {
      findings: { what: string; works: boolean; detail: string }[];
    };
    const found = findings.filter(({ what }) => what.startsWith("TensorFlow.js"));
    expect(found.map(({ works }) => works)).toEqual([false, false]);
    for (const { detail } of found) expect(detail).toContain(COMMAND);
  });
});
