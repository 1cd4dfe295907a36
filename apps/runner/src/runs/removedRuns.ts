/** Before runs are removed: their size, the runs that use their weights or masks, and the question to the user. */
import path from "node:path";
import { createInterface } from "node:readline";
import { counted, formatMegabytes } from "@phew/core/messages";
import { listRuns } from "@phew/runs";
import type { FolderSize } from "@phew/runs/list";
import { UsageError } from "../failure.ts";
import { shownLine } from "../output/output.ts";
import { SOURCE_SETTINGS } from "../settings/pruning.ts";

/** A run folder, and its size. */
export interface SizedRun extends FolderSize {
  readonly folder: string;
}

const SHOWN = 10;

/** `1,234,567 bytes (1.23 MB) in 12 files` */
export function sizeText(runs: readonly FolderSize[]): string {
  const sum = (key: keyof FolderSize) => runs.reduce((all, run) => all + run[key], 0);
  const bytes = sum("byteCount");
  return `${counted(bytes, "byte")} (${formatMegabytes(bytes)}) in ${counted(sum("fileCount"), "file")}`;
}

/** A line for each other run below `root` that takes weights or masks from one of these. */
export function madeOf(root: string, folders: readonly string[]): string[] {
  const leaving = new Set(folders.map((folder) => path.resolve(folder)));
  return listRuns(root)
    .filter(({ folder }) => !leaving.has(path.resolve(folder)))
    .flatMap(({ folder, config }) =>
      SOURCE_SETTINGS.flatMap((name) => {
        const source = config[name];
        const file = typeof source === "string" ? path.resolve(source.replace(/@\w+$/, "")) : "";
        return [...leaving].some((each) => file === each || file.startsWith(`${each}${path.sep}`))
          ? [`${folder} has its ${name} from ${source}: without that it cannot be done again`]
          : [];
      }),
    );
}

/**
 * Asks at the terminal; only y and yes agree.
 * @throws UsageError if standard input or standard error is no terminal
 */
export function isAgreed(runs: readonly SizedRun[]): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new UsageError("--yes", {
      given: "nothing, and no terminal to ask at",
      expected: "--yes, which removes without asking",
      remedy: "--dry-run says what would go.",
    });
  }
  const lines = runs.slice(0, SHOWN).map((run) => `  ${run.folder}: ${sizeText([run])}`);
  if (runs.length > SHOWN) lines.push(`  and ${runs.length - SHOWN} more`);
  process.stderr.write(`${lines.map(shownLine).join("\n")}\n`);
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    // the end of input, or Ctrl-C, is no
    reader.on("close", () => resolve(false));
    reader.on("SIGINT", () => reader.close());
    reader.question(`Remove ${counted(runs.length, "run")}, ${sizeText(runs)}? [y/N] `, (answer) => {
      resolve(/^\s*y(es)?\s*$/i.test(answer));
      reader.close();
    });
  });
}
