/** `phew data`: what data sets there are, fetching one, looking at one. */
import path from "node:path";
import { ArgumentError } from "@phew/core";
import { formatTable } from "@phew/report/table";
import { counted, formatCount, formatMeasure } from "@phew/runs";
import { datasetByName, datasets, download, type Examples, loadDataset } from "@phew/training";
import { printJson, printLines, printText } from "../output/output.ts";
import { interruptSignal, startProgress } from "../output/progress.ts";
import { readArrays } from "../sources/arrayFile.ts";

export function listData(options: { readonly json?: boolean }): void {
  if (options.json) {
    printJson(datasets.map(({ load: _, ...entry }) => entry));
    return;
  }
  const rows = datasets.map(({ name, summary, downloads = [], licence }) => ({
    name,
    summary,
    size: downloads.length === 0 ? "–" : megabytes(downloads.reduce((sum, { bytes }) => sum + bytes, 0)),
    licence,
  }));
  const columns = [
    { key: "name", title: "data set" },
    { key: "size", title: "download" },
    { key: "licence", title: "licence" },
    { key: "summary", title: "" },
  ];
  printText(formatTable(columns, rows, "text"));
  printLines("phew data fetch NAME downloads one; sources: phew data --json.");
}

export async function fetchData(name: string, options: { readonly dataDir: string }): Promise<void> {
  const { downloads = [], licence, source } = datasetByName(name);
  if (downloads.length === 0) {
    throw new ArgumentError("data set", {
      given: `"${name}", which has no files to fetch`,
      expected: `one of ${datasets.flatMap((entry) => (entry.downloads ? [entry.name] : [])).join(", ")}`,
    });
  }
  // the default is a folder for each data set
  const folder = options.dataDir === "data" ? path.join("data", name) : options.dataDir;
  printLines(`${name}: ${source}. Licence: ${licence}.`);
  const signal = interruptSignal();
  for (const file of downloads) {
    const progress = startProgress(file.file);
    const { path: written, present } = await download(file, {
      folder,
      signal,
      progress: (done, bytes) => progress.update(done / bytes, `${megabytes(done)} of ${megabytes(bytes)}`),
    }).finally(() => progress.done());
    printLines(
      `${written}: ${present ? "there already, as published" : `${megabytes(file.bytes)}, as published`}`,
    );
  }
  printLines(`phew train … --dataset ${name} --data-dir ${folder}`);
}

export async function checkData(
  name: string,
  options: { readonly dataDir?: string; readonly eachClass?: boolean },
): Promise<void> {
  const progress = startProgress(name);
  const dataset = await loadDataset(name, {
    dataDir: options.dataDir,
    readArrays,
    progress: (fraction, note) => progress.update(fraction, note),
  }).finally(() => progress.done());
  const { classCount, classNames, train, validation, test } = dataset;
  const parts: [string, Examples][] = [
    ["train", train],
    ...(validation ? [["validation", validation] as [string, Examples]] : []),
    ["test", test],
  ];
  const counts = parts.map(([, examples]) => countsOf(examples, classCount));
  printLines(
    `${name}: ${counted(classCount, "class", "classes")}, inputs of ${dataset.inputShape.join(" × ")}`,
  );
  const { mean, std } = dataset.normalisation;
  const perChannel = (values: readonly number[]) => values.map((value) => formatMeasure(value)).join(", ");
  printLines(`inputs are (pixel / 255 − mean) / std: mean ${perChannel(mean)}, std ${perChannel(std)}`);
  if (options.eachClass) {
    const rows = Array.from({ length: classCount }, (_, c) => ({
      class: classNames?.[c] ?? `${c}`,
      ...Object.fromEntries(parts.map(([part], k) => [part, counts[k]![c]!])),
    }));
    const columns = [
      { key: "class", title: "class" },
      ...parts.map(([part]) => ({ key: part, title: part, format: formatCount })),
    ];
    printText(formatTable(columns, rows, "text"));
  }
  for (const [k, [part, { count }]] of parts.entries()) {
    const own = counts[k]!;
    printLines(
      `${part}: ${counted(count, "example")}, ${Math.min(...own)} to ${Math.max(...own)} of a class`,
    );
  }
}

function countsOf({ classes }: Examples, classCount: number): number[] {
  const counts = new Array<number>(classCount).fill(0);
  for (const c of classes) counts[c]!++;
  return counts;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;
