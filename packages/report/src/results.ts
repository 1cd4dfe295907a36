/**
 * The results of runs: one row for each configuration, over its seeds, as `spreadOf` has mean, deviation and interval.
 * Nothing of time or place in it: the same runs give the same bytes wherever they ran.
 */
import { formatAccuracy, formatPercent } from "@phew/core/messages";
import { accuracyWords, type RunLife, type RunSummary } from "@phew/runs";
import { type ConfiguredRun, configurationsOf, oncePerSeed, spreadOf } from "@phew/runs/configurations";
import type { Report } from "./report.ts";
import { settingCells } from "./settingColumns.ts";
import type { Row } from "./table.ts";

/** A run and its present state, such as an entry of a list. */
export interface ResultRun extends ConfiguredRun {
  readonly life: RunLife;
  /** Absent where it has not begun. */
  readonly summary?: RunSummary;
}

/**
 * Rows in the order of the runs; those that are not finished count in no figure, and each seed counts once. Fractions in CSV
 * and rows.
 * @param among as of {@link configurationsOf}
 */
export function resultsTable(runs: readonly ResultRun[], among: readonly ConfiguredRun[] = []): Report {
  const configurations = configurationsOf(runs, { among });
  const { columns, cellsOf } = settingCells(configurations);
  return {
    shared: configurations.shared,
    columns: [
      ...columns,
      { key: "seeds", title: "seeds" },
      { key: "density_reached", title: "density reached", format: formatPercent },
      {
        key: "test_accuracy_mean",
        title: `test accuracy (${accuracyWords(runs)})`,
        format: formatAccuracy,
      },
      { key: "test_accuracy_of", title: "", isSame: true },
      { key: "test_accuracy_interval", title: "± 95 %", format: formatAccuracy },
      { key: "test_accuracy_std", title: "std", format: formatAccuracy },
      { key: "id", title: "runs" },
    ],
    rows: configurations.all.map(({ runs: own }): Row => ({ ...cellsOf(own[0]!), ...resultCells(own) })),
  };
}

function resultCells(runs: readonly ResultRun[]): Row {
  const finished = oncePerSeed(runs).flatMap(({ life, summary }) =>
    life === "finished" && summary ? [summary] : [],
  );
  const accuracy = spreadOf(finished.flatMap(({ testAccuracy }) => testAccuracy ?? []));
  return {
    seeds: finished.length,
    density_reached: spreadOf(finished.flatMap(({ density }) => density ?? [])).mean,
    test_accuracy_mean: accuracy.mean,
    test_accuracy_of: accuracyWords(runs),
    test_accuracy_interval: accuracy.interval,
    test_accuracy_std: accuracy.deviation,
    id: idsOf(runs.map(({ id }) => id)),
  };
}

/** "6c47abdcca-0,1,2": the folders of a configuration differ in the seed behind the hash. */
function idsOf(ids: readonly string[]): string {
  const [first = ""] = ids;
  const hash = first.slice(0, first.lastIndexOf("-") + 1);
  const isOfHash = hash !== "" && ids.every((id) => id.startsWith(hash));
  return isOfHash ? `${hash}${ids.map((id) => id.slice(hash.length)).join(",")}` : ids.join(", ");
}
