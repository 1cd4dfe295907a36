import path from "node:path";
import { datasets } from "@phew/training";
import type { Experiment, Measured, RunGrid, Scale } from "./experiment.ts";
import { type RunRow, readMaskRows, readRows, readRunRows } from "./results.ts";

/** As though all data were there. */
export const allDatasets = () => new Set<string>(datasets.map(({ name }) => name));

/** Where the tables of an experiment at a scale are. */
export function tableFolder(out: string, experiment: string, scale: Scale): string {
  return path.join(out, `${experiment}-${scale}`);
}

/** The table of a grid of runs: the experiment's own, or that of the experiment to which the grid belongs. */
export function runFile(
  out: string,
  { name }: Experiment,
  { of, name: grid }: RunGrid,
  scale: Scale,
): string {
  return path.join(tableFolder(out, of ?? name, scale), `${grid}.csv`);
}

/**
 * All rows of an experiment in the tables in `out`, even if its data are not available: a table may come from another
 * computer.
 * @throws ArgumentError if a file is not such a table
 */
export function readMeasured(experiment: Experiment, scale: Scale, out: string): Measured {
  const folder = tableFolder(out, experiment.name, scale);
  const { masks = [], runs = [] } = experiment.plan(scale, allDatasets());
  const maskRows = new Map(
    masks.map(({ name }) => [name, [...readMaskRows(path.join(folder, `${name}.masks.csv`)).values()]]),
  );
  const runRows = new Map<string, readonly RunRow[]>();
  const read = (grids: readonly RunGrid[]) => {
    for (const grid of grids)
      runRows.set(grid.name, [...readRunRows(runFile(out, experiment, grid, scale)).values()]);
  };
  const measured: Measured = {
    masks: (grid) => maskRows.get(grid) ?? [],
    runs: (grid) => runRows.get(grid) ?? [],
    own: ({ name, shape }) => [...readRows(path.join(folder, `${name}.csv`), shape).values()],
  };
  read(runs);
  read(experiment.following?.(measured, scale, allDatasets()) ?? []);
  return measured;
}
