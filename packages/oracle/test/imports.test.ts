/** The import rule of docs/architecture.md: who may import whom. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");

const MAY_IMPORT: Record<string, readonly string[]> = {
  "packages/engine": [],
  "packages/oracle": [],
  "packages/core": ["engine"],
  "packages/formats": ["core"],
  "packages/training": ["core", "engine"],
  "packages/runs": ["formats", "core"],
  "apps/dashboard": ["runs"],
  "apps/runner": ["runs", "training", "formats", "core", "engine", "dashboard/watch"],
};

function sourceFiles(folder: string): string[] {
  const absolute = path.join(root, folder, "src");
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1]!);
}

describe("the import rule", () => {
  it("knows every package of the workspace", () => {
    const folders = ["packages", "apps"].flatMap((top) =>
      readdirSync(path.join(root, top)).map((name) => `${top}/${name}`),
    );
    expect(folders.sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it.each(Object.entries(MAY_IMPORT))("%s imports of the workspace only %j", (folder, allowed) => {
    for (const file of sourceFiles(folder)) {
      for (const specifier of importsOf(file)) {
        const [, entry, member] = /^@phew\/(([^/]+).*)/.exec(specifier) ?? [];
        if (entry !== undefined)
          expect([entry, member], `${path.relative(root, file)} imports ${specifier}`).toSatisfy(
            (names: string[]) => names.some((name) => allowed.includes(name)),
          );
        if (specifier.startsWith(".")) {
          const target = path.resolve(path.dirname(file), specifier);
          expect(
            target.startsWith(path.join(root, folder, "/")),
            `${path.relative(root, file)} imports ${specifier}`,
          ).toBe(true);
        }
      }
    }
  });

  it("keeps TensorFlow.js and the file system out of core and engine's browser code", () => {
    for (const file of sourceFiles("packages/core")) {
      expect(
        importsOf(file).filter((specifier) => /^node:|tensorflow/.test(specifier)),
        file,
      ).toEqual([]);
    }
  });

  it("never calls Math.random", () => {
    for (const folder of Object.keys(MAY_IMPORT)) {
      for (const file of sourceFiles(folder))
        expect(readFileSync(file, "utf8"), file).not.toMatch(/Math\.random/);
    }
  });
});
