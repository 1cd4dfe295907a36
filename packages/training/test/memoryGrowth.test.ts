import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("memoryGrowth.mjs", import.meta.url));
/** Only Linux tells what of a process is resident, and forgets an earlier peak. */
const linux = existsSync("/proc/self/clear_refs");

describe("memory of a training on the sparse executor", () => {
  it.skipIf(!linux).each([
    ["resnet20", "0.05", "128"],
    ["vgg19-bn", "0.02", "64"],
  ])(
    "is at most 1.2 times the plan, and no less than 0.4 times: %s at %s, batch %s (skipped where not Linux)",
    // on a busy machine garbage may be collected late, which counts as growth: another process is measured then
    { retry: 2 },
    (...args) => {
      const output = execFileSync(process.execPath, ["--expose-gc", program, ...args], { encoding: "utf8" });
      const { plan, grownBytes } = JSON.parse(output);
      expect(plan.processBytes).toBeGreaterThan(plan.peakBytes);
      expect(grownBytes / plan.processBytes).toBeLessThan(1.2);
      expect(grownBytes / plan.processBytes).toBeGreaterThan(0.4);
    },
  );
});
