import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { findOutput, readOutput } from "../src/runOutput.ts";
import type { RunStatus } from "../src/status.ts";

const root = mkdtempSync(join(tmpdir(), "phew-output-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const id = "0123456789-0";
const folder = join(root, "e", id);
const outputFile = join(root, "nohup.out");
const statusOf = (host: string) =>
  ({
    state: "running",
    name: "",
    pid: 1,
    host,
    startedT: 1,
    updatedT: 1,
    summary: { phase: "waiting", fraction: 0 },
    output: outputFile,
  }) as const satisfies RunStatus;

it("is the log of the sweep, else the file that the run's status names, on its computer and while it exists", () => {
  const run = { folder, id, status: statusOf(hostname()) };
  expect(findOutput(run)).toBeUndefined();
  writeFileSync(outputFile, "from nohup\n");
  expect(findOutput(run)?.file).toBe(outputFile);
  expect(findOutput({ ...run, status: statusOf("elsewhere.invalid") })).toBeUndefined();
  expect(findOutput({ folder, id })).toBeUndefined();
  const logs = join(root, "e", ".sweep", "logs");
  mkdirSync(logs, { recursive: true });
  writeFileSync(join(logs, `${id}.log`), "from the sweep\n");
  expect(findOutput(run)?.file).toBe(join(logs, `${id}.log`));
  expect(findOutput({ folder, id })?.file).toBe(join(logs, `${id}.log`));
  // a folder in its place is no log
  rmSync(logs, { recursive: true });
  mkdirSync(join(logs, `${id}.log`), { recursive: true });
  expect(findOutput(run)?.file).toBe(outputFile);
});

it("has another stamp when more is printed", () => {
  const before = findOutput({ folder, id, status: statusOf(hostname()) });
  writeFileSync(outputFile, "from nohup\nand more\n");
  expect(findOutput({ folder, id, status: statusOf(hostname()) })?.stamp).not.toBe(before?.stamp);
});

it("is read from its end, at most 2,000 lines, without what was written over", () => {
  const lines = Array.from({ length: 5000 }, (_, k) => `line ${k}`);
  writeFileSync(outputFile, `${lines.join("\n")}\n 1 %\r50 %\rdone \r\n\nlast`);
  const read = readOutput(outputFile).lines;
  expect(read).toHaveLength(1999);
  expect(read.slice(-4)).toEqual(["line 4998", "line 4999", "done", "last"]);
  expect(readOutput(join(root, "none")).lines).toEqual([]);
});
