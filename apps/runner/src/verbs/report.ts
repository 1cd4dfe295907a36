/** `phew report`: the results of runs side by side, as tables and figures, or as one page. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ArgumentError } from "@phew/core";
import { requireWritable } from "@phew/formats";
import {
  compareRuns,
  formatReport,
  type Report,
  resultsTable,
  type TableForm,
  writeFigures,
  writeReport,
} from "@phew/report";
import {
  counted,
  faultLines,
  leftOutText,
  linkTensorboard,
  listRuns,
  makeFolder,
  type RunEntry,
  type RunRecord,
  readRun,
  replaceFile,
} from "@phew/runs";
import { configurationsOf, oncePerSeed, repeatWords } from "@phew/runs/configurations";
import {
  printData,
  printJson,
  printLines,
  printNote,
  printsResultsOnly,
  printText,
} from "../output/output.ts";
import { startProgress } from "../output/progress.ts";
import { type FindingsFolder, findingsFolders } from "../reproduce/findingsFolders.ts";

interface ReportOptions {
  readonly out?: string;
  readonly html?: boolean;
  readonly format: TableForm;
  readonly target: number;
  readonly all?: boolean;
  readonly figures: boolean;
  readonly tensorboard?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export async function report(folder: string, options: ReportOptions): Promise<void> {
  const folders = findingsFolders(folder);
  if (folders.length > 0) {
    const { knownFolders } = await import("../reproduce/findingsPage.ts");
    const experiments = knownFolders(folders);
    if (experiments.length > 0) return await reportFindings(folder, experiments, options);
  }
  const { out = folder, target, html } = options;
  const page = html ? await pageFile(out, options) : undefined;
  const { records, unknown, found, leftOut, copies } = readRecords(folder, options);
  const table = compareRuns(records, { targetAccuracy: target, among: found });
  const results = resultsTable(records, found);
  // if no configuration has several seeds, its row repeats that of its run
  const hasMeans = results.rows.length < records.length;
  makeFolder(page === out ? path.dirname(out) : out);
  const { tensorboard } = options;
  const links = tensorboard === undefined ? [] : linkTensorboard(tensorboard, records, found);
  const notes = [...notesOn(records, unknown, leftOut), ...copies.map((line) => `${line}.`)];
  const files = page
    ? [await writePage(page, records, found, notes, options)]
    : [
        ...writeReport(out, table),
        ...(hasMeans ? writeReport(out, results, "results") : []),
        ...(options.figures ? await writeFigures(out, records, found) : []),
      ];
  if (options.json) {
    const rows = table.rows.map((row, k) => {
      const { folder: own, life, skippedCount } = records[k]!;
      return { folder: own, life, ...row, ...(skippedCount > 0 && { skippedLines: skippedCount }) };
    });
    return printJson({
      runs: rows,
      results: results.rows,
      leftOut: leftOut.length,
      unknown: unknown.map((run) => run.folder),
      copies: copies.length,
      files,
      ...(tensorboard !== undefined && { links }),
    });
  }
  printTables(table, hasMeans ? results : undefined, options.format);
  // beside a table for another program nothing else is printed
  const printLine = options.format === "text" ? printLines : (...lines: string[]) => lines.forEach(printNote);
  if (tensorboard !== undefined)
    printLine(`${counted(links.length, "run")} for tensorboard --logdir ${tensorboard}`);
  if (notes.length > 0) printLine(...notes);
  if (!printsResultsOnly())
    printLine(`Written to ${page === out ? path.dirname(out) : out}:`, ...files.map((file) => `  ${file}`));
}

/** Of `phew reproduce`. Its tables and figures are beside the verdicts, so nothing is written but the page. */
async function reportFindings(
  folder: string,
  experiments: readonly FindingsFolder[],
  options: ReportOptions,
): Promise<void> {
  requireNoRunOptions(folder, options);
  const { findingsOf, findingsPage, verdictTable } = await import("../reproduce/findingsPage.ts");
  const findings = experiments.map(findingsOf);
  const table = verdictTable(findings);
  const { out = folder, html, figures, format, json } = options;
  const page = html ? await pageFile(out, options) : undefined;
  if (page) {
    makeFolder(path.dirname(page));
    replaceFile(page, await findingsPage(findings, figures));
  }
  if (json) return printJson({ claims: table.rows, files: page ? [page] : [] });
  printText(formatReport(table, format));
  if (page && !printsResultsOnly()) printNote(`Written to ${page}`);
}

/** `report.html` in the folder `out`, or `out` if it is the name of a page. @throws ArgumentError if that exists, without --force */
async function pageFile(out: string, { force }: ReportOptions): Promise<string> {
  if (!/\.html?$/i.test(out)) return path.join(out, "report.html");
  if (existsSync(out)) await requireWritable(out, { force: force === true });
  return out;
}

/** @throws ArgumentError for an option that is of runs alone */
function requireNoRunOptions(folder: string, { all, tensorboard }: ReportOptions): void {
  const given = all ? "--all" : tensorboard === undefined ? undefined : "--tensorboard";
  if (given === undefined) return;
  throw new ArgumentError(given, {
    given: `the folder of experiments ${folder}`,
    expected: "a folder of runs",
    remedy: "Leave the option out.",
  });
}

/**
 * Each seed of a configuration once, with a sentence for each copy; `unknown` are runs without settings.
 * @throws ArgumentError where no run is to be reported
 */
function readRecords(folder: string, { all, json }: ReportOptions) {
  const found = listRuns(folder);
  const [known, unknown] = parted(found, ({ isConfigUnknown }) => !isConfigUnknown);
  const [entries, leftOut] = parted(known, ({ life }) => all === true || life === "finished");
  if (entries.length === 0) {
    const without = unknown.length === 0 ? "" : `; ${faultLines(unknown)[0]}`;
    throw new ArgumentError(folder, {
      given: found.length === 0 ? "no run" : `no finished run among ${found.length}${without}`,
      expected: "a folder with finished runs",
      remedy:
        found.length === 0
          ? "Start one: phew train --help."
          : leftOut.length > 0
            ? "--all takes the others too."
            : "phew runs list shows what there is.",
    });
  }
  const progress = startProgress("reading", json);
  const { order, all: configurations } = configurationsOf(entries, { among: found });
  const once = configurations.flatMap(({ runs }) => oncePerSeed(runs));
  const records = once.sort(order).map((entry, k) => {
    progress.update(k / once.length, `${k} of ${counted(once.length, "run")}`);
    return readRun(entry.folder);
  });
  progress.done();
  return { records, unknown, found, leftOut, copies: repeatWords(configurations, "it is left out") };
}

/** Those that meet the condition, and the others. */
function parted<T>(items: readonly T[], meets: (item: T) => boolean): [T[], T[]] {
  return [items.filter(meets), items.filter((item) => !meets(item))];
}

function printTables(table: Report, results: Report | undefined, format: TableForm): void {
  const print = format === "text" ? printText : printData;
  print(formatReport(table, format));
  // the first table already has the shared settings above it; rows of another kind are no part of a CSV
  if (results && format !== "csv") print(`\n${formatReport({ ...results, shared: "" }, format)}`);
}

function notesOn(
  records: readonly RunRecord[],
  unknown: readonly RunEntry[],
  leftOut: readonly RunEntry[],
): string[] {
  const count = leftOut.length;
  const failedCount = leftOut.filter(({ life }) => life === "failed").length;
  const failed = failedCount === 0 ? "" : `, ${failedCount} of them failed: phew runs list state=failed`;
  const left =
    count > 0 ? [`${count} that ${count === 1 ? "is" : "are"} not finished left out${failed}.`] : [];
  const skipped = records.flatMap(({ folder, skippedCount }) =>
    skippedCount > 0 ? [`${folder}: ${leftOutText(skippedCount)}.`] : [],
  );
  return [...left, ...skipped, ...faultLines([...unknown, ...records]).map((line) => `${line}.`)];
}

async function writePage(
  file: string,
  records: readonly RunRecord[],
  found: readonly RunEntry[],
  notes: readonly string[],
  { target, figures }: ReportOptions,
): Promise<string> {
  const { reportPage } = await import("../runs/reportPage.ts");
  replaceFile(file, await reportPage(records, found, notes, { targetAccuracy: target, figures }));
  return file;
}
