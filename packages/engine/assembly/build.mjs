/**
 * Writes the borders of the WebAssembly modules and compiles them into dist/. Two processes share the work, the
 * longest jobs first: a compiler that has compiled one module is twice as fast at the next.
 */
import { fork } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { BORDERS, writeBorder } from "./border.mjs";

const COMMON =
  "--runtime stub -O3 --noAssert --uncheckedBehavior always --importMemory --initialMemory 1 --maximumMemory 65536 --enable simd";
const LAYERS = "assembly/layers/index.ts --enable threads";

/** Module: its source and flags. */
const MODULES = {
  layers: `${LAYERS} --use multiplyAdd=plainMultiplyAdd`,
  "layers-relaxed": `${LAYERS} --use multiplyAdd=relaxedMultiplyAdd --enable relaxed-simd`,
  walk: "assembly/walk/index.ts --converge",
  paths: "assembly/paths/index.ts",
  probe: "assembly/probe/index.ts",
};
/** Modules for threads on one memory: the same code as another module. */
const SHARED = { layers: "layers-shared", "layers-relaxed": "layers-relaxed-shared" };
/** The memory import in a module: "env", "memory", a memory, with a maximum size. */
const MEMORY_IMPORT = Buffer.from("\x03env\x06memory\x02\x01", "latin1");
const SHARED_FLAG = 2;

const folder = fileURLToPath(new URL("..", import.meta.url));

/** @param border its hash is appended to the module: src/wasmFile.ts compares it with that of the TypeScript */
async function compile({ name, border }) {
  const outFile = `dist/${name}.wasm`;
  const args = [...MODULES[name].split(" "), ...COMMON.split(" "), "--baseDir", folder, "--outFile", outFile];
  const { error, stderr } = await asc.main(args, { transforms: [agreesWith(border)] });
  if (error) throw new Error(`${name}: ${error.message}\n${stderr}`);
  const module = Buffer.concat([readFileSync(folder + outFile), customSection("border", border.hash)]);
  writeFileSync(folder + outFile, module);
  const shared = SHARED[name];
  if (shared !== undefined) writeFileSync(`${folder}dist/${shared}.wasm`, sharing(module));
}

/** A compiler step that compares the compiler's offsets of record fields with the border. */
function agreesWith({ module, records }) {
  return class {
    afterCompile() {
      for (const { class: name, source, fields, bytes } of records) {
        const layout = this.program.elementsByName.get(`assembly/${module}/${source}/${name}`).instances?.get("");
        if (layout === undefined) throw new Error(`${name}: no kernel reads it`);
        const compiled = fields.map((field) => [field.name, layout.members.get(field.name)?.instance.memoryOffset]);
        const expected = fields.map((field) => [field.name, field.at]);
        if (JSON.stringify([compiled, layout.nextMemoryOffset]) !== JSON.stringify([expected, bytes]))
          throw new Error(`${name}: the compiler has ${compiled}, the border ${expected}`);
      }
    }
  };
}

/** For a name and a text of fewer than 127 bytes in total. */
function customSection(name, text) {
  return Buffer.from([0, 1 + name.length + text.length, name.length, ...Buffer.from(name + text, "latin1")]);
}

/** The module with its memory shared between threads. Its code was compiled with atomic operations. */
function sharing(module) {
  const at = module.indexOf(MEMORY_IMPORT);
  if (at < 0) throw new Error("a module without an imported memory of a greatest size");
  const bytes = Buffer.from(module);
  bytes[at + MEMORY_IMPORT.length - 1] |= SHARED_FLAG;
  return bytes;
}

if (process.send === undefined) {
  mkdirSync(`${folder}dist`, { recursive: true });
  const borders = Object.fromEntries(BORDERS.map((module) => [module, writeBorder(module)]));
  const waiting = Object.keys(MODULES).map((name) => ({ name, border: borders[name.split("-")[0]] }));
  const compiler = () =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url));
      const next = () => {
        const module = waiting.shift();
        if (module === undefined) child.disconnect();
        else child.send(module);
      };
      child.on("message", next);
      child.on("error", reject);
      child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`a compiler ended with ${code}`))));
    });
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, compiler));
} else {
  process.on("message", async (module) => {
    await compile(module);
    process.send("done");
  });
  process.send("ready");
}
