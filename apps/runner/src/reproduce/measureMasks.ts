/** Makes and measures the masks of an experiment on threads, as `phew compare` does, for one seed and density at a time. */
import { availableParallelism } from "node:os";
import type { ComparedMask } from "@phew/report";
import { describeEnvironment } from "@phew/runs";
import type { ComparePlan } from "../compare/compareJob.ts";
import { compareInPool } from "../compare/comparePool.ts";
import { maskRecipes } from "../prune/maskRecipe.ts";
import { commitsOf } from "./commits.ts";
import type { MaskGrid } from "./experiment.ts";
import { type MaskRow, readMaskRows, writeMaskRows } from "./results.ts";

export interface MaskWork {
  readonly grid: MaskGrid;
  readonly file: string;
  /** Cells of the grid, each with the methods that have no row yet. */
  readonly jobs: readonly { readonly density: number; readonly seed: number }[];
}

/** The cells of a grid that are still to be measured. */
export function maskWork(grid: MaskGrid, file: string): MaskWork {
  const rows = readMaskRows(file);
  const { methods, densities, seedCount } = grid;
  const jobs = Array.from({ length: seedCount }, (_, seed) => seed)
    .flatMap((seed) => densities.map((density) => ({ seed, density })))
    .filter((job) => !methods.every((method) => rows.has(keyOf({ ...job, method }))));
  return { grid, file, jobs };
}

/** Measures these cells; rewrites the table after each seed and density. */
export async function measureMasks(
  { grid, file, jobs }: MaskWork,
  signal: AbortSignal,
  onProgress: (fraction: number, doing: string) => void,
): Promise<void> {
  const { model, init } = grid;
  const plan: ComparePlan = {
    model,
    options: init === undefined ? {} : { init },
    recipes: maskRecipes(grid.methods.join(",")),
    overlaps: false,
    strict: false,
  };
  const rows = readMaskRows(file);
  const workerCount = availableParallelism();
  const commit = commitsOf([describeEnvironment()]);
  const onResult = (masks: readonly ComparedMask[]) => {
    for (const mask of masks)
      rows.set(keyOf({ ...mask, density: mask.requestedDensity }), rowOf(mask, commit));
    writeMaskRows(file, inOrder(grid, rows));
  };
  await compareInPool(plan, jobs, {
    workerCount,
    signal,
    onProgress,
    onResult: ({ masks }) => onResult(masks),
  });
}

/** Rows in the order of the grid, not of measurement; rows of earlier grids last. */
function inOrder({ methods, densities, seedCount }: MaskGrid, rows: ReadonlyMap<string, MaskRow>): MaskRow[] {
  const keys = densities.flatMap((density) =>
    methods.flatMap((method) =>
      Array.from({ length: seedCount }, (_, seed) => keyOf({ density, method, seed })),
    ),
  );
  return [...new Set([...keys, ...rows.keys()])].flatMap((key) => rows.get(key) ?? []);
}

const keyOf = ({ method, density, seed }: { method: string; density: number; seed: number }) =>
  `${method}@${density}-${seed}`;

function rowOf(mask: ComparedMask, commit: string | undefined): MaskRow {
  return {
    key: keyOf({ ...mask, density: mask.requestedDensity }),
    method: mask.method,
    density: mask.requestedDensity,
    seed: mask.seed,
    reached: mask.density,
    effective: mask.effectiveDensity,
    logTrace: mask.log10Trace ?? Math.log10(mask.pathKernelTrace),
    logRelativeTrace: mask.log10RelativeTrace ?? Math.log10(mask.relativeTrace),
    meanWidth: mask.meanWidth,
    minWidth: mask.minWidth,
    collapsed: mask.collapsedCount,
    walks: mask.walkCount ?? NaN,
    logPaths: mask.logPathCount,
    densities: mask.layers.map(({ density }) => density),
    widths: mask.layers.map(({ width }) => width),
    commit,
  };
}
