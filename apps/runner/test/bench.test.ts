/** phew bench as a user runs it; what it measures is not judged here. */
import { describe, expect, it } from "vitest";
import { phew } from "./phew.ts";

// one thread, so that every executor can do it
const quick = "--rounds 1 --round-seconds 0 --threads 1".split(" ");

describe("phew bench", () => {
  it("trains, and prints one JSON document", async () => {
    const { exitCode, stdout } = await phew(
      "bench train mlp --density 0.1 --batch-size 4 --baseline tfjs --json".split(" ").concat(quick),
    );
    expect(exitCode).toBe(0);
    const { command, date, environment, reports } = JSON.parse(stdout);
    expect(command).toMatch(/^phew bench train mlp/);
    expect(date).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(environment.node).toBe(process.versions.node);
    expect(reports).toHaveLength(1);
    const [{ mode, network, method, density, batchSize, work, ours, baseline, ratio, limits }] = reports;
    expect({ mode, network, method, batchSize }).toEqual({
      mode: "train",
      network: "mlp",
      method: "phew",
      batchSize: 4,
    });
    expect(density).toBeCloseTo(0.1, 3);
    expect(work.denseMultiplyAdds).toBe(266_200);
    // an MLP needs one multiply-add a weight
    expect(work.share).toBeCloseTo(density, 12);
    for (const contender of [ours, baseline]) {
      expect(contender.rounds).toHaveLength(1);
      expect(contender.rounds[0].stepCount).toBe(2);
      expect(contender.memory.peakBytes).toBeGreaterThan(contender.memory.startBytes / 2);
    }
    expect(baseline.backend).toBe("tfjs-wasm");
    expect(ratio.best).toBeCloseTo(ours.imagesPerSecond.best / baseline.imagesPerSecond.best, 9);
    expect(limits.threadCount).toBe(1);
    expect(reports[0].kernels).toHaveLength(3);
    for (const { costs } of reports[0].kernels) expect(costs[0].forward).toBeGreaterThan(0);
  });

  it("predicts one batch size after the other, as sections for a page", async () => {
    const { exitCode, stdout } = await phew(
      "bench predict mlp --method dense --batch-size 1,3 --baseline none --markdown".split(" ").concat(quick),
    );
    expect(exitCode).toBe(0);
    const headings = stdout.split("\n").filter((line) => line.startsWith("### "));
    expect(headings).toEqual([
      "### mlp, dense: predictions, batch 1",
      "### mlp, dense: predictions, batch 3",
    ]);
    expect(stdout).toContain("`phew bench predict mlp --method dense --batch-size 1,3");
    expect(stdout).toContain(`Node ${process.versions.node}, `);
    expect(stdout).toMatch(/^\| .*images\/s.*\|$/m);
    expect(stdout).toContain("100 % of the 266,200 multiply-adds");
  });

  it("computes with fused multiply-add where that is asked for, and refuses what has none", async () => {
    const args = "bench train mlp --batch-size 4 --baseline none --fast-math".split(" ").concat(quick);
    const { exitCode, stdout } = await phew([...args, "--json"]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).reports[0].ours.backend).toBe("wasm, fast math, 1 thread");
    const refused = await phew([...args, "--executor", "tensorflow"]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("fast math: got the tensorflow executor, expected the sparse executor");
  });

  it("says in words that there is no baseline", async () => {
    const args = "bench predict mlp --batch-size 1 --baseline torch".split(" ").concat(quick);
    const { exitCode, stdout } = await phew(args, undefined, { PATH: "/nonexistent" });
    expect(exitCode).toBe(0);
    expect(stdout).toContain("No baseline: python3 is not installed.");
  });

  it("compares a mask with a plain scan, and times one layer", async () => {
    const mask = await phew("bench prune lenet5 --density 0.05 --rounds 1".split(" "));
    expect(mask.exitCode).toBe(0);
    expect(mask.stdout).toMatch(/linear scan +[\d.,]+ +[\d.,]+ +[\d,]+ +[\d,]+/);
    const layer = await phew(
      "bench layer --shape 3x6x6-4 --batch-size 2 --baseline none".split(" ").concat(quick),
    );
    expect(layer.exitCode).toBe(0);
    expect(layer.stdout).toMatch(/^3×6×6 to 4, random .*: steps of training, batch 2/);
  });

  it("times synflow's mask beside PyTorch's, where it is there, and says in words where it is not", async () => {
    const args = "bench prune lenet5 --method synflow --option rounds=2 --rounds 1".split(" ");
    const beside = await phew([...args, "--json"]);
    expect(beside.exitCode).toBe(0);
    const [report] = JSON.parse(beside.stdout).reports;
    expect(report.ours.keptCount).toBe(3073);
    // the names of the last release
    expect([report.rival, report.rivalUnavailable]).toEqual([report.baseline, report.baselineUnavailable]);
    if (report.baseline === undefined) expect(report.baselineUnavailable).toMatch(/python3|torch/);
    else {
      // the published code removes as many as rounding leaves it
      expect(Math.abs(report.baseline.keptCount - 3073)).toBeLessThanOrEqual(1);
      expect(report.ratio.best).toBe(report.baseline.milliseconds.least / report.ours.milliseconds.least);
    }
    const alone = await phew(args, undefined, { PATH: "/nonexistent" });
    expect(alone.exitCode).toBe(0);
    expect(alone.stdout).toMatch(/^synflow +[\d.,]+ +[\d.,]+ +3,073$/m);
    expect(alone.stdout).toContain("No comparison: PyTorch, 1 thread, float32: python3 is not installed.");
  });
});
