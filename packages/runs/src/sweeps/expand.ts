/** From a sweep to its runs: every combination, each with every seed, in the order of the file. */
import { canonicalJson } from "../canonicalJson.ts";
import type { Settings, Sweep } from "./sweepFile.ts";

/**
 * The settings of every run, `seed` among them: seeds vary fastest, then the last list of the grid. Equal ones once.
 * What has a seed of its own, in a sweep that a program makes, is run with that alone. Without grid and zip, the runs are those of `list`, and without that the one of `settings`.
 */
export function expandSweep({ settings, grid, zip, list, seeds }: Sweep): Settings[] {
  const dimensions: Settings[][] = [
    ...zip.map(rowsOf),
    ...Object.entries(grid).map(([key, values]) => values.map((value) => ({ [key]: value }))),
  ].filter((dimension) => dimension.length > 0);
  const combinations = dimensions.length === 0 && list.length > 0 ? [] : product(dimensions);
  const runs = [...combinations, ...list].flatMap((chosen) =>
    (chosen.seed === undefined ? seeds : [chosen.seed]).map((seed) => ({ ...settings, ...chosen, seed })),
  );
  return [...new Map(runs.map((run) => [canonicalJson(run), run])).values()];
}

function product(dimensions: readonly (readonly Settings[])[]): Settings[] {
  return dimensions.reduce<Settings[]>(
    (combinations, dimension) =>
      combinations.flatMap((combination) => dimension.map((choice) => ({ ...combination, ...choice }))),
    [{}],
  );
}

function rowsOf(group: Readonly<Record<string, readonly unknown[]>>): Settings[] {
  const entries = Object.entries(group);
  const length = entries[0]?.[1].length ?? 0;
  return Array.from({ length }, (_, k) =>
    Object.fromEntries(entries.map(([key, values]) => [key, values[k]])),
  );
}
