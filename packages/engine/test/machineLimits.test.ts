import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { measureMachine } from "../src/index.ts";
import { webAssembly } from "../src/webAssembly.ts";

interface ProbeExports {
  heapBase(): number;
  multiplyAddRegisters(rounds: number): number;
  multiplyAddLoads(address: number, bytes: number): number;
  fill(address: number, bytes: number, value: number): void;
}

function probe(): ProbeExports {
  const bytes = readFileSync(new URL("../dist/probe.wasm", import.meta.url));
  const memory = new webAssembly.Memory({ initial: 2, maximum: 65_536 });
  const env = { memory, abort: () => {} };
  return new webAssembly.Instance(new webAssembly.Module(bytes), { env }).exports as ProbeExports;
}

it("the loops do the multiply-adds that they are counted as", () => {
  const wasm = probe();
  // a ← a·x + y from a = y = 1 − x: a = 1 − x^(n+1); 64 lanes are summed
  const x = 0.9990234375;
  for (const rounds of [1, 10, 1000])
    expect(wasm.multiplyAddRegisters(rounds)).toBeCloseTo(64 * (1 - x ** (rounds + 1)), 3);
  const start = Math.ceil(wasm.heapBase() / 128) * 128;
  wasm.fill(start, 65_536, 0.5);
  for (const bytes of [128, 4096, 65_536])
    expect(wasm.multiplyAddLoads(start, bytes)).toBeCloseTo((bytes / 4) * x * 0.5, 2);
});

it("limits are measured on one thread and on two", async () => {
  for (const threads of [1, 2]) {
    const { threadCount, ...rates } = await measureMachine(threads);
    expect(threadCount).toBe(threads);
    for (const rate of Object.values(rates)) expect(rate).toBeGreaterThan(0);
  }
});
