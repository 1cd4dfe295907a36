/** Means over seeds with their 95 % intervals, for points with error bars. */
import { counted } from "@phew/core/messages";
import { grouped } from "@phew/runs";
import { spreadOf } from "@phew/runs/configurations";
import { type FigureRow, methodOf, seriesOf } from "./figureRow.ts";

/** A type, no interface: charts take records of values. */
export type Summary = {
  readonly series: string;
  readonly method: string;
  readonly problem?: string | undefined;
  readonly density: number;
  readonly count: number;
  readonly mean: number;
  /** Ends of the interval; both are the mean of a single value. */
  readonly low: number;
  readonly high: number;
};

/**
 * One for each series and density, in the order of their first rows, over the values that are finite numbers. For a
 * geometric mean `value` gives logarithms, and the summary is of logarithms.
 */
export function summaries(
  rows: readonly FigureRow[],
  value: (row: FigureRow) => number | undefined,
): Summary[] {
  return grouped(rows, (row) => `${row.density} ${row.problem ?? ""} ${seriesOf(row)}`).flatMap((own) => {
    const values = own.map((row) => value(row) ?? NaN).filter(Number.isFinite);
    const { mean, interval = 0, count } = spreadOf(values);
    if (mean === undefined) return [];
    const [row] = own as [FigureRow];
    const ends = { low: mean - interval, high: mean + interval };
    const { density, problem } = row;
    const of = {
      series: seriesOf(row),
      method: methodOf(row),
      density,
      ...(problem !== undefined && { problem }),
    };
    return [{ ...of, count, mean, ...ends }];
  });
}

/** Of percentages: an interval ends where they do. */
export function percentages(
  rows: readonly FigureRow[],
  value: (row: FigureRow) => number | undefined,
): Summary[] {
  return summaries(rows, (row) => 100 * (value(row) ?? NaN)).map((each) => ({
    ...each,
    ...withinPercent(each),
  }));
}

export function withinPercent({ low, high }: { readonly low: number; readonly high: number }) {
  return { low: Math.max(0, low), high: Math.min(100, high) };
}

/**
 * What error bars are: "mean and 95 % interval over 3 to 5 seeds", of single values "one seed each".
 * @param mean "mean" or "geometric mean"
 */
export function intervalWords(of: readonly { readonly count: number }[], mean = "mean"): string {
  const counts = of.map(({ count }) => count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (most <= 1) return "one seed each";
  const range = least === most ? counted(most, "seed") : `${least} to ${counted(most, "seed")}`;
  return `${mean} and 95 % interval (t) over ${range}`;
}

/** ", 3 masks without a path left out", or nothing. */
export function leftOutWords(count: number): string {
  return count === 0 ? "" : `; ${counted(count, "mask")} without a path left out`;
}
