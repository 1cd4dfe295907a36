/** The border between the modules and TypeScript: written once, by the build, and refused of another build. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { records } from "../src/border/layers.ts";
import { recordArray, writeRecord } from "../src/border/record.ts";
import { EngineError, loadWalkEngine, loadWalkEngineSync, PathKernels } from "../src/index.ts";
import { webAssembly } from "../src/webAssembly.ts";

const packageFile = (path: string) => Buffer.from(readFileSync(new URL(`../${path}`, import.meta.url)));
interface Border {
  readonly hash: string;
  readonly files: Readonly<Record<string, string>>;
}
const { BORDERS, borderOf } = (await import(`${new URL("../assembly/border.mjs", import.meta.url)}`)) as {
  readonly BORDERS: readonly string[];
  borderOf(module: string, texts?: Readonly<Record<string, string>>): Border;
};

describe("a border", () => {
  it.each(BORDERS)("of %s is written down as its sources are; else build the engine and commit", (module) => {
    for (const [file, text] of Object.entries(borderOf(module).files))
      expect(packageFile(file).toString(), file).toBe(text);
  });

  const INDEX = 'export { start } from "./record";\n';
  const START = "export function start(seed: f64): void {}\n";
  const border = (record: string, index = INDEX) =>
    borderOf("walk", { "index.ts": index, "record.ts": record + START });

  it("puts a field at a multiple of its size, as the compiler does, and tells the type of each", () => {
    const { files } = border(
      "@unmanaged\nexport class Three {\n  a: u32;\n  /** b: u32; */\n  b: f64;\n  c: f32;\n}\n",
    );
    const [text] = Object.values(files);
    for (const line of [
      'a: { at: 0, type: "u32" }',
      'b: { at: 8, type: "f64" }',
      'c: { at: 16, type: "f32" }',
    ])
      expect(text).toContain(line);
    expect(text).toContain("bytes: 20,");
    expect(text).toContain("start(seed: number): void;");
  });

  it("has another hash for another field, order, type, constant or parameter", () => {
    const sources = [
      "@unmanaged\nexport class Two {\n  a: u32;\n  b: u32;\n}\n",
      "@unmanaged\nexport class Two {\n  b: u32;\n  a: u32;\n}\n",
      "@unmanaged\nexport class Two {\n  a: u32;\n  b: f32;\n}\n",
      "@unmanaged\nexport class Two {\n  a: u32;\n  b: u32;\n}\nexport const A: u32 = 1;\n",
      "@unmanaged\nexport class Two {\n  a: u32;\n  b: u32;\n}\nexport const A: u32 = 2;\n",
    ];
    const hashes = sources.map((source) => border(source).hash);
    hashes.push(borderOf("walk", { "index.ts": INDEX, "record.ts": START.replace("f64", "u32") }).hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it.each([
    ["@unmanaged\nclass Child extends Parent {\n  a: u32;\n}\n", /class Child extends Parent/],
    ["@unmanaged\nexport class Long {\n  a: u64;\n}\n", /Long has "a: u64"/],
    ["@unmanaged\nexport class Set {\n  a: u32 = 1;\n}\n", /Set has "a: u32 = 1"/],
    ["@kernel\nexport function add(op: Nothing, block: u32): void {}\n", /a kernel "export function add/],
    [
      "@unmanaged\nexport class A {\n  a: u32;\n}\n@unmanaged\nexport class A {\n  b: u32;\n}\n",
      /two records/,
    ],
  ])("refuses what it does not understand: %j", (source, message) => {
    expect(() => border(source)).toThrow(message);
  });

  it("refuses to export what is no function of numbers", () => {
    expect(() => border("", 'export { LIMIT } from "./record";\n')).toThrow(/exports LIMIT/);
    expect(() => borderOf("walk", { "index.ts": INDEX, "record.ts": START.replace("f64", "u64") })).toThrow(
      /seed is a u64/,
    );
  });
});

describe("records", () => {
  it("are written at their fields' places, 0 where nothing is said", () => {
    const view = new DataView(new ArrayBuffer(64));
    new Uint8Array(view.buffer).fill(255);
    writeRecord(view, 16, records.gate, { gradient: 0xffff_fff0, alpha: 0.25 });
    const { gradient, output, alpha, cap } = records.gate.fields;
    expect(view.getUint32(16 + gradient.at, true)).toBe(0xffff_fff0);
    expect(view.getUint32(16 + output.at, true)).toBe(0);
    expect(view.getFloat32(16 + alpha.at, true)).toBe(0.25);
    expect(view.getFloat32(16 + cap.at, true)).toBe(0);
    expect(view.getUint8(15)).toBe(255);
    expect(view.getUint8(16 + records.gate.bytes)).toBe(255);
  });

  it("stand one after another in an array", () => {
    const pairs = [
      { kernel: 1, record: 2 },
      { kernel: 3, record: 4 },
    ];
    expect([...recordArray(records.instruction, pairs)]).toEqual([1, 2, 3, 4]);
  });
});

describe("a module of another build", () => {
  const walk = packageFile("dist/walk.wasm");
  const paths = packageFile("dist/paths.wasm");
  /** The same module with another hash at its end. */
  const stale = (module: Buffer<ArrayBuffer>) =>
    Buffer.concat([module.subarray(0, -16), Buffer.from("0123456789abcdef")]);
  /** As it was before there were hashes: the section is ten bytes and a hash. */
  const old = (module: Buffer<ArrayBuffer>) => module.subarray(0, -25);
  const word = (name: string) =>
    new RegExp(
      `^${name}: got a module built from other sources than this package \\(border (0123456789abcdef|none)\\), ` +
        "expected one built from the same \\(border [0-9a-f]{16}\\)\\. Rebuild the engine with `npm run setup`",
    );

  it.each([stale, old])("is refused before it runs: %o", async (other) => {
    expect(() => loadWalkEngineSync(other(walk))).toThrow(word("walk.wasm"));
    await expect(loadWalkEngine(other(walk))).rejects.toThrow(EngineError);
    expect(() => new PathKernels(new webAssembly.Module(other(paths)))).toThrow(word("paths.wasm"));
  });

  it("is refused where it is that of other kernels", () => {
    expect(() => loadWalkEngineSync(paths)).toThrow(/^walk\.wasm: got a module built from other sources/);
  });
});
