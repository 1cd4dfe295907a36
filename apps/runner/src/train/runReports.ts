/** What a finished run leaves for its reader beside its own files: reports, and figures where they are wanted. */
import { existsSync } from "node:fs";
import path from "node:path";
import { compareRuns, writeFigures, writeReport } from "@phew/report";
import { isTidy, readRun, withFinishedRun } from "@phew/runs";

/** Fraction of the test set that the report's last column asks for. */
const TARGET_ACCURACY = 0.9;

/** The row of one run, with the names of its columns. */
export function reportOf(folder: string) {
  return compareRuns([readRun(folder)], { targetAccuracy: TARGET_ACCURACY });
}

/**
 * Writes them, or of a run that has been finished before those that are not there: the process that finished it may have
 * been killed behind its end. Nothing where the run is in other hands, whose matter it is then.
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
    ...(reports ? writeReport(place, reportOf(folder)) : []),
    ...(drawings ? await writeFigures(place, [readRun(folder)]) : []),
  ]);
  return written ?? [];
}
