import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ComparedMask, comparisonTable, groupMasks, maskRows } from "../src/comparison.ts";
import { maskFigureRow } from "../src/figures/figureRow.ts";
import { figurePaths, writeMaskFigures } from "../src/figures/writeFigures.ts";
import { formatTable } from "../src/table.ts";

const mask = (
  method: string,
  requestedDensity: number,
  seed: number,
  relativeTrace: number,
): ComparedMask => ({
  method,
  requestedDensity,
  seed,
  density: requestedDensity,
  effectiveDensity: requestedDensity * (1 - seed / 10),
  pathKernelTrace: relativeTrace * 1e10,
  relativeTrace,
  meanWidth: 1 - seed / 10,
  minWidth: 0.5,
  deadUnitCount: seed,
  ineffectiveCount: seed,
  collapsedCount: seed,
  logPathCount: 40,
  warnings: [],
  elapsedMs: 10,
  layers: [
    { name: "conv1.weight", density: 0.8 - seed / 10, width: 1 },
    { name: "fc.weight", density: 0.2, width: 0.5 },
  ],
});

const masks = [
  mask("phew", 0.1, 0, 1e-4),
  mask("phew", 0.1, 1, 1e-6),
  mask("random", 0.1, 0, 0),
  mask("random", 0.1, 1, 1e-9),
  mask("phew", 0.02, 0, 1e-8),
  mask("nothing, really", 0.02, 0, 0),
];

describe("a comparison of masks", () => {
  it("has geometric means of traces, means and deviations of the rest, densities outermost", () => {
    const groups = groupMasks(masks);
    expect(groups.map(({ method, requestedDensity }) => [requestedDensity, method])).toEqual([
      [0.1, "phew"],
      [0.1, "random"],
      [0.02, "phew"],
      [0.02, "nothing, really"],
    ]);
    const [phew, random, single] = groups as [(typeof groups)[0], (typeof groups)[0], (typeof groups)[0]];
    expect(phew.logRelativeTrace!.mean).toBeCloseTo(-5, 12);
    expect(phew.logRelativeTrace!.deviation).toBeCloseTo(Math.SQRT2, 12);
    expect(phew.meanWidth.mean).toBeCloseTo(0.95, 12);
    expect(phew.ineffectiveShare.mean).toBeCloseTo(0.05, 12);
    expect(phew.layers[0]!.density).toBeCloseTo(0.75, 12);
    expect(random).toMatchObject({ disconnectedCount: 1, seedCount: 2 });
    expect(random.logRelativeTrace).toEqual({ mean: -9, deviation: 0 });
    expect(single.meanWidth).toEqual({ mean: 1, deviation: 0 });
  });

  it("says in its table where masks have no path at all", () => {
    const table = comparisonTable(groupMasks(masks));
    const lines = formatTable(table.columns, table.rows, "text").split("\n");
    expect(lines[2]).toMatch(/10 %\s+phew\s+1.00e-5 ×÷26.0\s+95.0 ± 7.1\s+50.0\s+5.00\s+0.5\s+0 of 2$/);
    expect(lines[3]).toMatch(/random\s+1.00e-9 ×÷1.00 .* 1 of 2$/);
    expect(lines[5]).toMatch(/nothing, really\s+0\s.*1 of 1$/);
  });

  it("has every measure of every mask as CSV", () => {
    const rows = maskRows(masks);
    const lines = formatTable(rows.columns, rows.rows, "csv").trim().split("\n");
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe(
      "method,requested_density,seed,density,effective_density,path_kernel_trace,relative_trace,mean_width,min_width,dead_units,ineffective_weights,collapsed_layers,log_path_count,walks,pruning_ms",
    );
    expect(lines[6]!.startsWith('"nothing, really",0.02,0,')).toBe(true);
  });

  it("is drawn from its numbers", () => {
    expect(maskFigureRow(masks[1]!)).toEqual({
      ...{ method: "phew", density: 0.1, seed: 1, logRelativeTrace: -6, meanWidth: 0.9 },
      ...{ densities: [0.8 - 0.1, 0.2], widths: [1, 0.5], layers: ["conv1.weight", "fc.weight"] },
    });
    expect(maskFigureRow(masks[2]!).logRelativeTrace).toBe(Number.NEGATIVE_INFINITY);
  });

  it("writes each figure as SVG and PNG, and says beforehand which", async () => {
    const folder = mkdtempSync(join(tmpdir(), "phew-comparison-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const written = await writeMaskFigures(folder, "resnet20", masks);
    expect(written).toHaveLength(10);
    expect(figurePaths(folder)).toEqual(expect.arrayContaining(written));
    const trace = readFileSync(join(folder, "path-kernel-trace.svg"), "utf8");
    for (const text of ["resnet20", "phew", "random", ">2 %<", ">10 %<", "2 masks without a path"])
      expect(trace).toContain(text);
    // a method that nowhere has a path has no place on a logarithmic axis
    expect(trace).not.toContain("nothing, really");
    expect(readFileSync(written[1]!).subarray(1, 4).toString()).toBe("PNG");
  });
});
