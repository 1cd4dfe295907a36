/** `phew report`: what runs came to, side by side, as tables and figures. */
import { ArgumentError } from "@phew/core";
import { compareRuns, formatReport, resultsTable, writeFigures, writeReport } from "@phew/report";
import { counted, leftOutText, linkTensorboard, listRuns, makeFolder, readRun } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { printJson, printLines, printText } from "../output/output.ts";
import { startProgress } from "../output/progress.ts";

interface ReportOptions {
  readonly out?: string;
  readonly target: number;
  readonly all?: boolean;
  readonly figures: boolean;
  readonly tensorboard?: string;
  readonly json?: boolean;
}

export async function report(folder: string, options: ReportOptions): Promise<void> {
  const found = listRuns(folder);
  const entries = found.filter(({ life }) => options.all || life === "finished");
  if (entries.length === 0) {
    throw new ArgumentError(folder, {
      given: found.length === 0 ? "no run" : `no finished run among ${found.length}`,
      expected: "a folder with finished runs",
      remedy: found.length === 0 ? "Start one: phew train --help." : "--all takes the others too.",
    });
  }
  const progress = startProgress("reading", options.json);
  const { order } = configurationsOf(entries);
  const records = entries.sort(order).map((entry, k) => {
    progress.update(k / entries.length, `${k} of ${counted(entries.length, "run")}`);
    return readRun(entry.folder);
  });
  progress.done();
  const table = compareRuns(records, { targetAccuracy: options.target });
  const results = resultsTable(records);
  // where no configuration has several seeds, its row says nothing that the run's does not
  const hasMeans = results.rows.length < records.length;
  const out = options.out ?? folder;
  makeFolder(out);
  const files = [
    ...writeReport(out, table),
    ...(hasMeans ? writeReport(out, results, "results") : []),
    ...(options.figures ? await writeFigures(out, records) : []),
  ];
  const { tensorboard } = options;
  const links = tensorboard === undefined ? [] : linkTensorboard(tensorboard, records);
  if (options.json) {
    const rows = table.rows.map((row, k) => {
      const { folder: own, life, skippedCount } = records[k]!;
      return { folder: own, life, ...row, ...(skippedCount > 0 && { skippedLines: skippedCount }) };
    });
    return printJson({
      runs: rows,
      results: results.rows,
      leftOut: found.length - entries.length,
      files,
      ...(tensorboard !== undefined && { links }),
    });
  }
  printText(formatReport(table, "text"));
  // what is the same is told above already
  if (hasMeans) printText(`\n${formatReport({ ...results, shared: "" }, "text")}`);
  const leftOut = found.length - entries.length;
  if (leftOut > 0) printLines(`${leftOut} that ${leftOut === 1 ? "is" : "are"} not finished left out.`);
  for (const { folder: own, skippedCount } of records)
    if (skippedCount > 0) printLines(`${own}: ${leftOutText(skippedCount)}.`);
  if (tensorboard !== undefined)
    printLines(`${counted(links.length, "run")} for tensorboard --logdir ${tensorboard}`);
  printLines(`Written to ${out}:`, ...files.map((file) => `  ${file}`));
}
