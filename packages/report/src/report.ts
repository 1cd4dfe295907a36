/** The comparison of runs: one row each, from their events alone. */
import { normalize } from "node:path";
import {
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatPercent,
  type MaskMeasures,
} from "@phew/core/messages";
import { epochsTo, lastAccuracy, type RunState, replaceFile, summarise } from "@phew/runs";
import { type Cell, type Column, formatTable, type Row, type TableForm } from "./table.ts";

export interface Report {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface ReportOptions {
  /** Fraction; the last column tells the first epoch that reached it. */
  readonly targetAccuracy: number;
}

const FORMS: Readonly<Record<TableForm, string>> = { text: "txt", csv: "csv", markdown: "md" };

/**
 * One row a run, in the order given. `model`, `dataset` and `seed` have a column where the runs differ in it.
 * Units in CSV: fractions, milliseconds, counts.
 */
export function compareRuns(runs: readonly RunState[], options: ReportOptions): Report {
  const told = ["model", "dataset", "seed"].filter((key) => differs(runs, key));
  const target = formatPercent(options.targetAccuracy);
  return {
    columns: [
      ...told.map((key) => ({ key, title: key })),
      { key: "method", title: "method" },
      { key: "requested_density", title: "density asked", format: (d) => formatPercent(d) },
      { key: "density", title: "reached", format: (d) => formatPercent(d) },
      { key: "path_kernel_trace", title: "path kernel trace", format: formatMeasure },
      { key: "mean_width", title: "mean width", format: formatAccuracy },
      { key: "dead_units", title: "dead units", format: formatCount },
      { key: "ineffective_weights", title: "ineffective weights", format: formatCount },
      { key: "walks", title: "walks", format: formatCount },
      { key: "pruning_ms", title: "pruning time", format: formatDuration },
      { key: "test_accuracy", title: "test accuracy", format: formatAccuracy },
      { key: "epochs_to_target", title: `epochs to ${target}`, format: formatCount },
    ],
    rows: runs.map((run) => reportRow(run, told, options)),
  };
}

/** Writes `report.txt`, `report.csv` and `report.md`, or of another name, into a folder and gives their paths. */
export function writeReport(folder: string, report: Report, name = "report"): string[] {
  return (Object.keys(FORMS) as TableForm[]).map((form) => {
    // not joined before: the folder may be as its owner writes to it
    const path = `${folder}/${name}.${FORMS[form]}`;
    replaceFile(path, formatTable(report.columns, report.rows, form));
    return normalize(path);
  });
}

function reportRow(run: RunState, told: readonly string[], options: ReportOptions): Row {
  const { method, requestedDensity } = summarise(run, run.lastT);
  const measures = run.mask?.measures;
  return {
    ...Object.fromEntries(told.map((key) => [key, configCell(run, key)])),
    method,
    requested_density: requestedDensity,
    density: run.mask?.density,
    path_kernel_trace: measures && traceCell(measures),
    mean_width: measures?.meanWidth,
    dead_units: measures?.deadUnitCount,
    ineffective_weights: measures?.ineffectiveCount,
    walks: run.mask?.walkCount,
    pruning_ms: run.mask?.elapsedMs,
    test_accuracy: lastAccuracy(run),
    epochs_to_target: epochsTo(run, options.targetAccuracy),
  };
}

/** The number; in words where float64 does not hold it. */
function traceCell({ pathKernelTrace, log10Trace }: MaskMeasures): Cell {
  return log10Trace === undefined ? pathKernelTrace : formatMeasure(pathKernelTrace, 3, log10Trace);
}

function differs(runs: readonly RunState[], key: string): boolean {
  return new Set(runs.map((run) => configCell(run, key))).size > 1;
}

function configCell(run: RunState, key: string): string | number | undefined {
  const value = run.config[key];
  return typeof value === "string" || typeof value === "number" ? value : undefined;
}
