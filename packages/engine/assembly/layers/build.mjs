/** Builds assembly/layers four times: for own or shared memory, with plain or fused multiply-add. */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const compiler = join(dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")), "bin/asc.js");
const common = [
  "assembly/layers/index.ts",
  ..."--runtime stub -O3 --noAssert --uncheckedBehavior always --importMemory --initialMemory 1".split(" "),
  ..."--maximumMemory 65536 --enable simd --enable threads".split(" "),
];
const arithmetic = {
  "": ["--use", "multiplyAdd=plainMultiplyAdd"],
  "-relaxed": ["--use", "multiplyAdd=relaxedMultiplyAdd", "--enable", "relaxed-simd"],
};

const build = (flags) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler, ...common, ...flags], { stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`asc ended with ${code}`))));
  });

for (const [suffix, flags] of Object.entries(arithmetic)) {
  await Promise.all([
    build([...flags, "--outFile", `dist/layers${suffix}.wasm`]),
    build([...flags, "--sharedMemory", "--outFile", `dist/layers${suffix}-shared.wasm`]),
  ]);
}
