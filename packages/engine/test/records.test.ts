/** The records as the host writes them beside the classes that the kernels read, from the AssemblyScript sources. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isFloat, kernels, type RecordKind, records } from "../src/layers/records.ts";

const folder = fileURLToPath(new URL("../assembly/layers/", import.meta.url));
const sources = readdirSync(folder)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => withoutComments(readFileSync(`${folder}${name}`, "utf8")));

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*/g, "");
}

interface Field {
  readonly name: string;
  readonly type: string;
}

/** Fields of every unmanaged class, in order. */
const classes = new Map<string, readonly Field[]>();
for (const source of sources) {
  for (const [, name, body] of source.matchAll(/@unmanaged\s+(?:export\s+)?class\s+(\w+)\s*\{([^}]*)\}/g)) {
    const fields = Array.from(body!.matchAll(/(\w+)\s*:\s*(\w+)\s*;/g), (field) => ({
      name: field[1]!,
      type: field[2]!,
    }));
    classes.set(`${name![0]!.toLowerCase()}${name!.slice(1)}`, fields);
  }
}

const kinds = Object.keys(records) as RecordKind[];

describe("records", () => {
  it("are those that the kernels have classes for", () => {
    expect(kinds.toSorted()).toEqual([...classes.keys()].toSorted());
  });

  it.each(kinds)(
    "%s: the same fields in the same order, four bytes each, float32 where the class says so",
    (kind) => {
      const fields = classes.get(kind)!;
      expect([...records[kind]]).toEqual(fields.map(({ name }) => name));
      for (const { name, type } of fields) {
        expect(["usize", "u32", "i32", "f32"], name).toContain(type);
        expect(isFloat(kind, name), name).toBe(type === "f32");
      }
    },
  );
});

describe("kernels", () => {
  const program = sources.find((source) => source.includes("function call("))!;

  it("have the numbers by which the module calls them", () => {
    const cases = Array.from(program.matchAll(/case (\d+): return (\w+)\(record, block\)/g), (found) => [
      Number(found[1]),
      found[2],
    ]);
    expect(cases).toEqual(Object.keys(kernels).map((kernel, number) => [number, kernel]));
  });

  it.each(Object.entries(kernels))("%s reads a record of the kind %s", (kernel, kind) => {
    const body = bodyOf(kernel);
    const read = Array.from(body.matchAll(/changetype<(\w+)>\(record\)/g), ([, name]) => name!.toLowerCase());
    expect(read).toEqual([kind.toLowerCase()]);
  });

  /** A kernel's text, and that of functions it hands its record to. */
  function bodyOf(name: string): string {
    const start = new RegExp(`function ${name}\\(`);
    const source = sources.find((text) => start.test(text))!;
    const from = source.search(start);
    const body = source.slice(from, source.indexOf("\n}", from));
    const called = Array.from(body.slice(9).matchAll(/\b(\w+)\(record\b/g), ([, callee]) => callee!);
    return [body, ...called.filter((callee) => callee !== name).map(bodyOf)].join("\n");
  }
});
