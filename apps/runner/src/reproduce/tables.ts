/** Tables of what an experiment measured: means over seeds with their 95 % intervals. */
import { formatPercent } from "@phew/core";
import type { Report, Row } from "@phew/report";
import { grouped } from "@phew/runs";
import { spreadOf } from "@phew/runs/configurations";
import type { Evidence } from "./experiment.ts";
import type { MaskRow, RunRow } from "./results.ts";
import { yardstickOf } from "./yardsticks.ts";

/** "95.3 ± 0.4"; without the interval for a single number. */
export function meanAndInterval(values: readonly number[], digits = 1): string {
  const { mean, interval } = spreadOf(values);
  if (mean === undefined) return "–";
  return interval === undefined
    ? mean.toFixed(digits)
    : `${mean.toFixed(digits)} ± ${interval.toFixed(digits)}`;
}

/** A row for each density and method. */
export function maskTable(rows: readonly MaskRow[]): Report {
  return {
    columns: [
      { key: "density", title: "density", format: formatPercent },
      { key: "method", title: "method" },
      { key: "seeds", title: "seeds" },
      { key: "trace", title: "log10 trace" },
      { key: "relative", title: "log10 trace / dense" },
      { key: "width", title: "mean width %" },
      { key: "least", title: "least width %" },
    ],
    rows: grouped(rows, (row) => `${row.density} ${row.method}`).map((own): Row => {
      const of = (value: (row: MaskRow) => number, digits = 1) =>
        meanAndInterval(own.map(value).filter(Number.isFinite), digits);
      return {
        density: own[0]!.density,
        method: own[0]!.method,
        seeds: own.length,
        trace: of((row) => row.logTrace, 2),
        relative: of((row) => row.logRelativeTrace, 2),
        width: of((row) => 100 * row.meanWidth),
        least: of((row) => 100 * row.minWidth),
      };
    }),
  };
}

/** A row for each density and method: accuracy on the test examples after the last epoch, and what others published. */
export function accuracyTable(rows: readonly RunRow[]): Report {
  const isPublished = rows.some((row) => yardstickOf(row) !== undefined);
  return {
    columns: [
      { key: "density", title: "density", format: formatPercent },
      { key: "method", title: "method" },
      { key: "seeds", title: "seeds" },
      { key: "accuracy", title: "test accuracy %" },
      ...(isPublished ? [{ key: "published", title: "published %" }] : []),
      { key: "width", title: "mean width %" },
      { key: "logTrace", title: "log10 trace" },
      { key: "trace", title: "log10 trace / dense" },
    ],
    rows: grouped(rows, (row) => `${row.density} ${row.method}`).map(
      (own): Row => ({
        density: own[0]!.density,
        method: own[0]!.method,
        seeds: own.length,
        accuracy: meanAndInterval(own.map((row) => 100 * row.accuracy)),
        published: yardstickOf(own[0]!)?.accuracy,
        width: meanAndInterval(own.map((row) => 100 * row.meanWidth)),
        logTrace: meanAndInterval(own.map((row) => Math.log10(row.trace)).filter(Number.isFinite), 2),
        trace: meanAndInterval(own.map((row) => row.logRelativeTrace).filter(Number.isFinite), 2),
      }),
    ),
  };
}

/** A row for each comparison, with the power of its number of seeds. */
export function powerTable(evidence: readonly Evidence[]): Report {
  return {
    columns: [
      { key: "what", title: "comparison" },
      { key: "seeds", title: "seeds" },
      { key: "difference", title: "difference" },
      { key: "least", title: "least that is seen with 80 %" },
      { key: "unit", title: "unit" },
    ],
    rows: evidence.map(({ what, count, mean, interval, leastSeen, unit }) => ({
      ...{ what, seeds: count, unit },
      difference: `${mean.toFixed(2)} ± ${Number.isFinite(interval) ? interval.toFixed(2) : "?"}`,
      least: Number.isFinite(leastSeen) ? leastSeen.toFixed(2) : undefined,
    })),
  };
}
