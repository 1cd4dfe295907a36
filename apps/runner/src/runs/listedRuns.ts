/** Runs as a list shows them: a row each, with what they differ in. */
import { formatAccuracy, formatMoment, formatPercent } from "@phew/core/messages";
import type { Cell, Column, Row } from "@phew/report/table";
import { accuracyWords, cutMiddle, cutText, faultLines } from "@phew/runs";
import {
  configurationsOf,
  isFound,
  labelOf,
  oncePerSeed,
  repeatWords,
  spreadOf,
} from "@phew/runs/configurations";
import type { FieldValue, KeptRun, RunField, RunFieldTable } from "@phew/runs/list";

const CELL_WIDTH = 24;
/** `phew runs show` has the whole text. */
const FAILURE_WIDTH = 40;

/** All that a list knows of a run, for programs. */
export function runDocument(run: KeptRun) {
  const { folder, id, experiment, name, life, seed, config, summary, status, failure, updatedT, notes } = run;
  return {
    folder,
    id,
    experiment,
    name,
    state: life,
    seed,
    config,
    accuracy: summary.testAccuracy,
    reached: summary.density,
    progress: summary.fraction,
    epoch: summary.epoch,
    epochCount: summary.epochCount,
    begun: status?.startedT,
    updated: updatedT,
    failure,
    warnings: summary.warnings,
    faults: run.faults,
    ...notes,
  };
}

/**
 * Runs for programs, each with the name of its configuration among them, and the configurations with their means over
 * finished runs: fractions, deviation of a sample, half of the 95 % interval.
 */
export function runDocuments(runs: readonly KeptRun[]) {
  const configurations = configurationsOf(runs);
  return {
    shared: configurations.shared,
    configurations: configurations.all.map(({ name, runs: own }) => {
      const finished = oncePerSeed(own).filter(({ life }) => life === "finished");
      const accuracy = spreadOf(finished.flatMap(({ summary }) => summary.testAccuracy ?? []));
      return { name, ids: own.map(({ id }) => id), accuracy };
    }),
    accuracyOf: accuracyWords(runs),
    warnings: runWarnings(runs),
    runs: runs.map((run) => ({ ...runDocument(run), configuration: configurations.nameOf(run) })),
  };
}

/** What of these runs cannot be read, and which of them count once in means although they are several. */
export function runWarnings(runs: readonly KeptRun[]): string[] {
  return [
    ...faultLines(runs),
    ...runs
      .filter(({ hasDamagedNotes }) => hasDamagedNotes)
      .map(({ folder }) => `${folder}/notes.json cannot be read: no tags and notes of it`),
    ...repeatWords(configurationsOf(runs).all),
  ];
}

/** A table of runs, and the settings that all of them share. */
export interface RunTable {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly shared: string;
}

/** The settings in which runs differ, and their results. */
export function usualTable(runs: readonly KeptRun[], fields: RunFieldTable): RunTable {
  const field = (name: string) => fields.named("column", name);
  const isSaid = (name: string) => runs.some((run) => !isNothing(field(name).valueOf(run)));
  const isUnfinished = runs.some(({ life }) => life === "running" || life === "interrupted");
  const configurations = configurationsOf(runs);
  const seeds = new Set(runs.map(({ seed }) => seed));
  const before = fieldTable(runs, [
    field("id"),
    field("state"),
    ...(isUnfinished ? [field("progress")] : []),
  ]);
  const after = fieldTable(runs, [
    ...(seeds.size > 1 ? [field("seed")] : []),
    // of rules that find one
    ...(runs.some(
      ({ config, summary }) =>
        config.rule !== undefined && isFound(summary.requestedDensity, summary.density),
    )
      ? [field("reached")]
      : []),
    field("accuracy"),
    ...["tag", "failure"].filter(isSaid).map(field),
  ]);
  const settings = configurations.columns.map(({ key, title, isPercent }) => ({
    key,
    title,
    ...(isPercent && { format: (value: number) => formatPercent(value, 4) }),
  }));
  return {
    columns: [...before.columns, ...settings, ...after.columns.map(accuracyColumn(runs))],
    rows: runs.map((run, k) => ({
      ...before.rows[k],
      ...Object.fromEntries(configurations.columns.map(({ key, cellOf }) => [key, shortCell(cellOf(run))])),
      ...after.rows[k],
      failure: run.failure && cutText(run.failure, FAILURE_WIDTH),
    })),
    shared: [configurations.shared, seeds.size === 1 ? seedText([...seeds][0]) : ""]
      .filter(Boolean)
      .join(" · "),
  };
}

const seedText = (seed: number | undefined) => (seed === undefined ? "" : `seed ${seed}`);

/** Headed by the epoch that accuracies are of. */
const accuracyColumn =
  (runs: readonly KeptRun[]) =>
  (column: Column): Column =>
    column.key === "accuracy" ? { ...column, title: `accuracy (${accuracyWords(runs)})` } : column;

/** Digests are wider than tables are. */
function shortCell(value: Cell): Cell {
  return typeof value === "string" ? cutMiddle(value, CELL_WIDTH) : value;
}

const isNothing = (value: FieldValue) =>
  value === undefined || (typeof value === "object" && value.length === 0);

/** These fields alone. */
export function fieldTable(runs: readonly KeptRun[], shown: readonly RunField[]): RunTable {
  return {
    columns: shown
      .map((field) => ({ key: field.key, title: labelOf(field.key), ...formatOf(field) }))
      .map(accuracyColumn(runs)),
    rows: runs.map((run) =>
      Object.fromEntries(shown.map((field) => [field.key, shownValue(field.valueOf(run))])),
    ),
    shared: "",
  };
}

function formatOf({ key, unit }: RunField): Pick<Column, "format"> {
  if (key === "accuracy") return { format: formatAccuracy };
  if (unit === "fraction") return { format: (value) => formatPercent(value) };
  return unit === "moment" ? { format: formatMoment } : {};
}

function shownValue(value: FieldValue): Cell {
  if (typeof value !== "object") return value;
  return value.length === 0 ? undefined : value.join(", ");
}
