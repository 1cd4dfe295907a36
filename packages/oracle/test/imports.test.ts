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
  "packages/runs": ["formats/tensors", "core/messages", "core/fields", "core/shortened"],
  "packages/report": ["runs", "runs/sweeps", "core/messages"],
  "apps/dashboard": ["runs", "runs/text", "report"],
  "apps/runner": ["runs", "report", "training", "formats", "core", "engine", "dashboard/watch"],
  // none of the others names it
  "packages/bench": ["training", "training/bench", "core", "engine", "dashboard"],
};

function sourceFiles(folder: string): string[] {
  const absolute = path.join(root, folder, "src");
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map((match) => match[1]!);
}

/** The source that `specifier` means in `file`; undefined: a package from elsewhere. */
function targetOf(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return path.resolve(path.dirname(file), specifier);
  const [, name, entry = ""] = /^@phew\/([^/]+)(\/.+)?$/.exec(specifier) ?? [];
  if (name === undefined) return undefined;
  const folder = ["packages", "apps"]
    .map((top) => path.join(root, top, name))
    .find((each) => existsSync(each))!;
  const { exports } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  return path.join(folder, exports[`.${entry}`].source);
}

/** All that files import, and so on: for values and for types, at once and later. */
function filesReachedFrom(files: readonly string[]): Set<string> {
  const reached = new Set(files);
  for (const file of reached) {
    const targets = importsOf(file).map((specifier) => targetOf(file, specifier));
    for (const target of targets) if (target !== undefined) reached.add(target);
  }
  return reached;
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

  it("keeps the network, its pruners and walks out of all that a run's screen and folder can load", () => {
    const reached = filesReachedFrom(["packages/runs", "apps/dashboard"].flatMap(sourceFiles));
    const inCore = [...reached]
      .map((file) => path.relative(root, file))
      .filter((file) => /^packages\/core/.test(file));
    expect(inCore).toContain("packages/core/src/events.ts");
    expect(inCore.filter((file) => /\/src\/.+\//.test(file))).toEqual([]);
    expect(inCore).not.toContain("packages/core/src/index.ts");
  });

  it("keeps TensorFlow.js and the file system out of core and engine's browser code", () => {
    for (const file of sourceFiles("packages/core")) {
      expect(
        importsOf(file).filter((specifier) => /^node:|tensorflow/.test(specifier)),
        file,
      ).toEqual([]);
    }
  });

  it("leads one way through the stages of the sparse executor", () => {
    const stages = ["model", "plan", "lower", "program", "run"];
    const sparse = path.join(root, "packages/training/src/sparse");
    const stageOf = (file: string) => stages.indexOf(path.relative(sparse, file).split(path.sep)[0]!);
    const files = sourceFiles("packages/training").filter((file) => file.startsWith(sparse));
    expect(new Set(files.map(stageOf))).toEqual(new Set(stages.keys()));
    for (const file of files) {
      for (const specifier of importsOf(file).filter((each) => each.startsWith("."))) {
        const target = path.resolve(path.dirname(file), specifier);
        expect(stageOf(target), `${path.relative(root, file)} imports ${specifier}`).toBeLessThanOrEqual(
          stageOf(file),
        );
      }
    }
  });

  it("leads in no circle through AssemblyScript, at which the linter does not look", () => {
    const assembly = path.join(root, "packages/engine/assembly");
    const files = readdirSync(assembly, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => path.join(assembly, file));
    const importedBy = (file: string) =>
      importsOf(file).map((specifier) => path.resolve(path.dirname(file), `${specifier}.ts`));
    for (const file of files) {
      for (const target of importedBy(file)) expect(files, `imported by ${file}`).toContain(target);
      const reached = new Set(importedBy(file));
      for (const each of reached) for (const target of importedBy(each)) reached.add(target);
      expect(
        reached.has(file),
        `${path.relative(root, file)} imports itself by way of others; npm run sizes lists circles`,
      ).toBe(false);
    }
  });

  it("never calls Math.random", () => {
    for (const folder of Object.keys(MAY_IMPORT)) {
      for (const file of sourceFiles(folder))
        expect(readFileSync(file, "utf8"), file).not.toMatch(/Math\.random/);
    }
  });
});
