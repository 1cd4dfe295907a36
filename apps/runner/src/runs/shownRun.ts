/** One run, with everything in its folder. */
import { existsSync, lstatSync, readdirSync } from "node:fs";
import path from "node:path";
import { isRecord } from "@phew/core/fields";
import { ArgumentError, formatCount, formatDuration, formatMoment } from "@phew/core/messages";
import { type Column, compareRuns, formatTable, type Row } from "@phew/report";
import { leftOutText, type RunRecord, readJson, readRun } from "@phew/runs";
import { folderSize, type KeptRun, keptRun } from "@phew/runs/list";
import { logFile, sweepFolder } from "@phew/runs/sweeps";
import { trainCommand, usualSettings, valueTexts } from "../settings/commandText.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import { checkTrainConfig } from "../settings/files.ts";
import { runDocument } from "./listedRuns.ts";

/** A run with its events folded, and what its folder has beside them. */
export interface ShownRun {
  readonly run: KeptRun & RunRecord;
  /** The command that repeats it; undefined if `phew train` cannot make such a run. */
  readonly command?: string;
  /** The defaults of its settings; empty if `command` is undefined. */
  readonly usual: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>>;
  /** The file of its output, if a sweep started it. */
  readonly output?: string;
}

/** @param name what lists call it; its own unless given @throws ArgumentError if the folder is not a run folder */
export function shownRun(folder: string, name?: string): ShownRun {
  const read = readRun(folder);
  const run = { ...read, ...keptRun(read), ...(name !== undefined && { name }) };
  const config = trainConfigOf(run);
  const environment = readJson(path.join(folder, "environment.json"));
  const output = logFile(
    sweepFolder(path.dirname(path.dirname(path.resolve(folder))), run.experiment),
    run.id,
  );
  return {
    run,
    usual: config === undefined ? {} : usualSettings(config),
    environment: isRecord(environment) ? environment : {},
    ...(config !== undefined && { command: trainCommand(config, run.experiment) }),
    ...(existsSync(output) && { output: path.relative("", output) }),
  };
}

/** Undefined of a run that `phew train` does not have: of phew prune, or of a later version. */
export function trainConfigOf({ config }: RunRecord): TrainConfig | undefined {
  try {
    return checkTrainConfig("config.json", config);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

/** Columns of report.csv that identify a run and are not results. */
const NO_RESULTS = ["id", "seed", "epochs_to_target"];

/** The results of a run, named as in report.csv. */
export function resultsOf(run: RunRecord): { readonly columns: readonly Column[]; readonly row: Row } {
  const report = compareRuns([run], { targetAccuracy: 1 });
  // settings: of one run all are the same
  const shown = report.columns.filter(({ key, isSame }) => !isSame && !NO_RESULTS.includes(key));
  const columns = [...shown, { key: "training_ms", title: "training time", format: formatDuration }];
  const values: Row = { ...report.rows[0], training_ms: run.state.epochs.at(-1)?.elapsedMs };
  return { columns, row: Object.fromEntries(columns.map(({ key }) => [key, values[key]])) };
}

/** As tables show it. */
export function shownCell(value: Row[string], { format }: Column): string {
  if (value === undefined) return "–";
  return typeof value === "number" && format ? format(value) : `${value}`;
}

/** A value of a setting, or of the environment. */
export function valueText(value: unknown): string {
  const texts = value === undefined ? [] : valueTexts(value);
  return texts.length === 0 ? "–" : texts.join(" ");
}

interface RunFile {
  readonly name: string;
  readonly bytes: number;
}

function filesOf(folder: string): RunFile[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name): RunFile[] => {
      const found = lstatSync(path.join(folder, name), { throwIfNoEntry: false });
      if (found === undefined) return [];
      if (!found.isDirectory()) return [{ name, bytes: found.size }];
      return [{ name: `${name}/`, bytes: folderSize(path.join(folder, name)).byteCount }];
    });
}

/** For programs. */
export function shownDocument({ run, command, output, environment }: ShownRun): object {
  return {
    ...runDocument(run),
    process: run.status && { pid: run.status.pid, host: run.status.host },
    command,
    output,
    results: resultsOf(run).row,
    epochs: run.state.epochs,
    files: filesOf(run.folder),
    environment,
    skippedLines: run.skippedCount,
  };
}

/** For people. */
export function shownText(shown: ShownRun): string {
  const { run, environment } = shown;
  const { columns, row } = resultsOf(run);
  const results = columns.filter(({ key }) => row[key] !== undefined);
  const leftOut = leftOutText(run.skippedCount);
  return [
    ...pairs(headOf(shown)),
    ...table(settingRows(shown)),
    ...table(results.map((column) => ({ result: column.title, value: shownCell(row[column.key], column) }))),
    ...table(filesOf(run.folder).map(({ name, bytes }) => ({ file: name, bytes: formatCount(bytes) }))),
    ...table(
      Object.entries(environment).map(([name, value]) => ({ environment: name, value: valueText(value) })),
    ),
    ...(leftOut === undefined ? [] : [leftOut]),
  ].join("\n");
}

function headOf({ run, command, output }: ShownRun): (readonly [string, string])[] {
  const { status, state, notes } = run;
  const begun = status?.startedT ?? state.startedT;
  const lines: (readonly [string, string] | false)[] = [
    ["run", run.folder],
    ["name", run.name],
    ["state", run.failure === undefined ? run.life : `${run.life}: ${run.failure}`],
    begun > 0 && ["begun", formatMoment(begun)],
    status !== undefined && ["by", `process ${status.pid} of ${status.host}`],
    ["last heard of", formatMoment(run.updatedT)],
    command !== undefined && ["command", command],
    output !== undefined && ["printed", output],
    notes.tags.length > 0 && ["tags", notes.tags.join(", ")],
    ...notes.notes.map(({ t, text }) => ["note", `${formatMoment(t)}: ${text}`] as const),
    ...(run.faults ?? []).map((fault) => ["cannot be read", fault] as const),
    run.hasDamagedNotes && ["notes", "notes.json is there, and cannot be read"],
    ...state.warnings.map((warning) => ["warning", warning] as const),
  ];
  return lines.filter((line) => line !== false);
}

/** Those that somebody chose first. */
function settingRows({ run, usual }: ShownRun): Row[] {
  const rows = Object.entries(run.config).map(([name, value]) => ({
    setting: name,
    value: valueText(value),
    "unless given": Object.hasOwn(usual, name) ? valueText(usual[name]) : undefined,
  }));
  const isUsual = (row: (typeof rows)[0]) => Number(row.value === row["unless given"]);
  return rows.sort((a, b) => isUsual(a) - isUsual(b));
}

/** Lines of two columns without a head. */
function pairs(lines: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value.replaceAll("\n", " ")}`);
}

/** A table headed by the keys of its rows, an empty line before it; nothing where there are no rows. */
function table(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const columns = Object.keys(rows[0]!).map((key) => ({ key, title: key }));
  return ["", formatTable(columns, rows, "text").trimEnd()];
}
