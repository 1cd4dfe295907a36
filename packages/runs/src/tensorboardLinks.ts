/**
 * A folder in which TensorBoard finds runs by their names: it calls a run by the path of its files, which in a run folder is a
 * hash. It follows links, so that nothing is copied and runs that go on are followed.
 */
import { existsSync, lstatSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { writeFault } from "@phew/core/messages";
import { configurationsOf } from "./configurations/configurations.ts";
import { lineText } from "./foreignText.ts";
import type { RunEntry } from "./readRun.ts";
import { makeFolder } from "./replaceFile.ts";
import { cutText } from "./textWidth.ts";

/** File systems take 255 bytes, and a character is at most four. */
const LONGEST_NAME = 60;

/**
 * Links each run's `tb/` under its name; links of a report before are taken away, other files stay.
 * @param folder made unless it is there
 * @param among further runs that names tell these apart from
 * @returns the names, of runs that have such files
 * @throws ArgumentError if the folder cannot be written
 */
export function linkTensorboard(
  folder: string,
  runs: readonly RunEntry[],
  among: readonly RunEntry[] = [],
): string[] {
  makeFolder(folder);
  const { titleOf } = configurationsOf(runs, { among });
  const written = new Set<string>();
  try {
    for (const name of readdirSync(folder))
      if (lstatSync(join(folder, name)).isSymbolicLink()) rmSync(join(folder, name));
    const from = realpathSync(folder);
    for (const run of runs) {
      const target = join(run.folder, "tb");
      if (!existsSync(target)) continue;
      const name = fileName(titleOf(run));
      const free = written.has(name) || existsSync(join(folder, name)) ? `${name} ${run.id}` : name;
      const real = realpathSync(target);
      symlinkSync(process.platform === "win32" ? real : relative(from, real), join(folder, free), "junction");
      written.add(free);
    }
  } catch (error) {
    throw writeFault(folder, error);
  }
  return [...written];
}

/** Without what a file system, or a terminal, takes for something else. */
function fileName(title: string): string {
  return cutText(lineText(title).replace(/[\\/:*?"<>|]+/g, "-"), LONGEST_NAME).replace(/^\.+/, "");
}
