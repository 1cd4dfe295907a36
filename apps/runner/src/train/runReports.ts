/** Reports of a finished run beside its own files, and figures if requested. */
import { existsSync } from "node:fs";
import path from "node:path";
import { compareRuns, writeFigures, writeReport } from "@phew/report";
import { isTidy, readRun, withFinishedRun } from "@phew/runs";

/** Test accuracy (fraction) for the report's last column. */
const TARGET_ACCURACY = 0.9;

/** Forms of the tables in a run's folder. */
const RUN_FORMS = ["text", "csv", "markdown"] as const;

/** The row of one run, with the names of its columns. */
export function reportOf(folder: string) {
  return compareRuns([readRun(folder)], { targetAccuracy: TARGET_ACCURACY });
}

/**
 * Writes them; for a run finished earlier only those that are missing: the process that finished it may have been
 * killed before. Does nothing if another process has the run.
 * @returns the paths written
 */
export async function writeRunReports(
  folder: string,
  { figures, missingOnly }: { readonly figures: boolean; readonly missingOnly: boolean },
): Promise<string[]> {
  const lacks = (name: string) => !missingOnly || !existsSync(path.join(folder, name));
  const reports = ["report.txt", "report.csv", "report.md"].some(lacks);
  const drawings = figures && lacks("learning-curves.png");
  if (!reports && !drawings) {
    if (!isTidy(folder)) await withFinishedRun(folder, async () => undefined);
    return [];
  }
  const written = await withFinishedRun(folder, async (place) => [
    ...(reports ? writeReport(place, reportOf(folder), "report", RUN_FORMS) : []),
    ...(drawings ? await writeFigures(place, [readRun(folder)]) : []),
  ]);
  return written ?? [];
}
