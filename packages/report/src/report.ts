/** The comparison of runs: one row each, computed from their events only. */
import { normalize } from "node:path";
import {
  formatAccuracy,
  formatCount,
  formatDuration,
  formatMeasure,
  formatPercent,
  type MaskMeasures,
} from "@phew/core/messages";
import {
  accuracyWords,
  cellText,
  epochsTo,
  markdownText,
  type RunRecord,
  replaceFile,
  runAccuracy,
} from "@phew/runs";
import { type ConfiguredRun, configurationsOf } from "@phew/runs/configurations";
import { settingCells } from "./settingColumns.ts";
import { type Cell, type Column, formatTable, type Row, TABLE_FORMS, type TableForm } from "./table.ts";

export interface Report {
  /** The settings that all rows share, stated once above the table; empty if there are none. */
  readonly shared?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface ReportOptions {
  /** Fraction; the last column is the first epoch that reached it. */
  readonly targetAccuracy: number;
  /** Further runs that names and columns tell those of the table apart from. */
  readonly among?: readonly ConfiguredRun[];
}

/** A run and the state after its events. */
export type ReportedRun = Pick<
  RunRecord,
  "id" | "experiment" | "config" | "isConfigUnknown" | "dataDigest" | "state"
> &
  Partial<Pick<RunRecord, "life">>;

/**
 * One row a run, in the order given; settings have a column where the runs differ in them. Units in CSV: fractions,
 * milliseconds, counts.
 */
export function compareRuns(runs: readonly ReportedRun[], options: ReportOptions): Report {
  const configurations = configurationsOf(runs, { among: options.among ?? [] });
  const settings = settingCells(configurations);
  const seeds = new Set(runs.map(({ config }) => config.seed));
  const target = formatPercent(options.targetAccuracy);
  return {
    shared: configurations.shared,
    columns: [
      { key: "id", title: "run" },
      ...settings.columns,
      { key: "seed", title: "seed", isSame: seeds.size <= 1 },
      { key: "density_reached", title: "density reached", format: (d) => formatPercent(d) },
      { key: "path_kernel_trace", title: "path kernel trace", format: formatMeasure },
      { key: "mean_width", title: "mean width", format: formatAccuracy },
      { key: "dead_units", title: "dead units", format: formatCount },
      { key: "ineffective_weights", title: "ineffective weights", format: formatCount },
      { key: "walks", title: "walks", format: formatCount },
      { key: "pruning_ms", title: "pruning time", format: formatDuration },
      { key: "test_accuracy", title: `test accuracy (${accuracyWords(runs)})`, format: formatAccuracy },
      // a heading says it of all
      { key: "test_accuracy_of", title: "", isSame: true },
      { key: "epochs_to_target", title: `epochs to ${target}`, format: formatCount },
    ],
    rows: runs.map((run) => ({ ...settings.cellsOf(run), ...reportCells(run, options) })),
  };
}

/** The table, in all forms but CSV below what is the same in all rows; in LaTeX that is a comment. */
export function formatReport({ shared = "", columns, rows }: Report, form: TableForm): string {
  const table = formatTable(columns, rows, form);
  if (shared === "" || form === "csv") return table;
  if (form === "latex") return `% ${cellText(shared)}\n${table}`;
  return `${(form === "text" ? cellText : markdownText)(shared)}\n\n${table}`;
}

const ALL_FORMS = Object.keys(TABLE_FORMS) as TableForm[];

/** Writes `report.txt`, `report.csv`, …, or of another name, into a folder and gives their paths. */
export function writeReport(
  folder: string,
  report: Report,
  name = "report",
  forms: readonly TableForm[] = ALL_FORMS,
): string[] {
  return forms.map((form) => {
    // not joined before: the folder may be as its owner writes to it
    const path = `${folder}/${name}.${TABLE_FORMS[form]}`;
    replaceFile(path, formatReport(report, form));
    return normalize(path);
  });
}

function reportCells({ id, config, state: run }: ReportedRun, options: ReportOptions): Row {
  const measures = run.mask?.measures;
  return {
    id,
    seed: typeof config.seed === "number" ? config.seed : undefined,
    density_reached: run.mask?.density,
    path_kernel_trace: measures && traceCell(measures),
    mean_width: measures?.meanWidth,
    dead_units: measures?.deadUnitCount,
    ineffective_weights: measures?.ineffectiveCount,
    walks: run.mask?.walkCount,
    pruning_ms: run.mask?.elapsedMs,
    test_accuracy: runAccuracy(run),
    test_accuracy_of: accuracyWords([{ config }]),
    epochs_to_target: epochsTo(run, options.targetAccuracy),
  };
}

/** The number; in words if float64 does not hold it. */
function traceCell({ pathKernelTrace, log10Trace }: MaskMeasures): Cell {
  return log10Trace === undefined ? pathKernelTrace : formatMeasure(pathKernelTrace, 3, log10Trace);
}
