import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder, replaceFile } from "../src/index.ts";

const scratch = mkdtempSync(join(tmpdir(), "phew-replace-"));
const readOnly = join(scratch, "read-only");
/** A file system mounted read-only needs root, and a kernel that lets it. */
const isMounted = (() => {
  mkdirSync(readOnly);
  const mount = (...args: string[]) => spawnSync("mount", args).status === 0;
  return mount("-t", "tmpfs", "none", readOnly) && mount("-o", "remount,ro", readOnly);
})();

afterAll(() => {
  if (isMounted) spawnSync("umount", [readOnly]);
  rmSync(scratch, { recursive: true, force: true });
});

describe("making a folder", () => {
  it("makes those above it, and takes those that are there", () => {
    for (let k = 0; k < 2; k++) makeFolder(join(scratch, "a/b/c"));
    expect(statSync(join(scratch, "a/b/c")).isDirectory()).toBe(true);
  });

  it("says that a file is in the way, or a link to nothing", () => {
    writeFileSync(join(scratch, "file"), "");
    symlinkSync("nowhere", join(scratch, "link"));
    for (const path of ["file", "file/a/b", "link", "link/a"])
      expect(() => makeFolder(join(scratch, path)), path).toThrow("a file where a folder should be");
  });

  it.skipIf(!isMounted)(
    "calls a read-only file system that, however deep the folder (skipped where none can be mounted)",
    () => {
      for (const path of ["a", "a/b/c"])
        expect(() => makeFolder(join(readOnly, path)), path).toThrow("got a read-only file system");
      expect(() => replaceFile(join(readOnly, "f"), "")).toThrow("got a read-only file system");
    },
  );
});
