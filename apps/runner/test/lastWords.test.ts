/** However a command ends, a person gets one line of why, and no trace of the stack. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isLong } from "../../../vitest.long.ts";
import { bin, outcomeOf, scratchFolder } from "./phew.ts";

const hasFull = existsSync("/dev/full");
const isLinux = process.platform === "linux";

/** A command line of the shell, `phew` being this build. */
const shell = (line: string) =>
  outcomeOf(
    "bash",
    ["-c", `set -o pipefail; phew() { "${process.execPath}" "${bin}" "$@"; }; ${line}`],
    scratchFolder(),
  );

function expectOneLine(stderr: string, message: RegExp): void {
  expect(stderr).not.toMatch(/\n\s+at |node:internal/);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).toMatch(message);
}

describe.skipIf(!hasFull)("a standard output that is full (needs /dev/full)", () => {
  it.each([
    "zoo --json",
    "prune mlp --density 0.5",
    "watch --once .",
    "sweep --schema",
    ...(isLong ? ["zoo", "zoo lenet5", "recipes", "data", "analyze mlp"] : []),
  ])("phew %s says so in one line and fails", async (args) => {
    const { exitCode, stderr } = await shell(`phew ${args} > /dev/full`);
    expect(exitCode).toBe(1);
    expectOneLine(stderr, /^phew: standard output: the disk is full/);
  });

  it("ends quietly where standard error is full too, and with its own exit code where that is alone", async () => {
    expect((await shell("phew zoo > /dev/full 2> /dev/full")).exitCode).toBe(1);
    expect((await shell("phew zoo nothing 2> /dev/full")).exitCode).toBe(1);
    expect((await shell("phew prune mlp --density 0.5 2> /dev/full")).exitCode).toBe(0);
  });
});

describe.skipIf(!isLinux)("what the system does not give", () => {
  it("a reader that has seen enough is no failure", async () => {
    const { exitCode, stderr } = await shell("phew prune --methods | head -1 > /dev/null");
    expect(exitCode).toBe(0);
    expect(stderr).toBe("");
  });

  it("closed outputs end nothing", async () => {
    expect((await shell("phew zoo >&-")).exitCode).toBe(0);
    expect((await shell("phew prune mlp --density 0.5 >&- 2>&-")).exitCode).toBe(0);
  });

  it.each([24, 32])("files that may be open: %d", async (limit) => {
    const { exitCode, stderr } = await shell(`ulimit -n ${limit}; phew prune lenet5 --density 0.1`);
    expect(exitCode).toBe(1);
    expectOneLine(stderr, /too many open files\. Raise the limit \(ulimit -n\)/);
  });

  it("addresses: it is the limit that is named, not the model", async () => {
    const { exitCode, stderr } = await shell("ulimit -v 12000000; phew prune lenet5 --density 0.1");
    expect(exitCode).toBe(1);
    expectOneLine(stderr, /^phew: the limit on address space is 11\.4 GiB.*ulimit -v unlimited/);
  });
});

it("where its code cannot be loaded it says so", async () => {
  const { exitCode, stderr } = await shell(
    `cp -r "${bin}" copy.mjs && sed -i.bak 's#../dist/main.js#./nowhere.js#' copy.mjs && "${process.execPath}" copy.mjs zoo`,
  );
  expect(exitCode).toBe(1);
  expectOneLine(stderr, /^phew: cannot be loaded: .*Build it again/);
});
