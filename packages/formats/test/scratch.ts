/** A folder for one test file, removed when it is through. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** @returns a function that gives the path of a name in the folder */
export function scratchFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), "phew-formats-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}
