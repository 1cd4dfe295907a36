/** Folders of `phew reproduce`, found by their names, without loading an experiment. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { SCALES, type Scale } from "./experiment.ts";

/** The folder of an experiment's tables, verdicts among them. */
export interface FindingsFolder {
  readonly experiment: string;
  readonly scale: Scale;
  readonly parent: string;
}

/** Folders that have verdicts: the folder itself, or those in it; whether such an experiment is known is not looked at. */
export function findingsFolders(folder: string): FindingsFolder[] {
  const own = folderOf(path.resolve(folder));
  if (own !== undefined) return [own];
  return namesIn(folder).flatMap((name) => folderOf(path.resolve(folder, name)) ?? []);
}

function folderOf(folder: string): FindingsFolder | undefined {
  const name = path.basename(folder);
  const scale = SCALES.find((one) => name.endsWith(`-${one}`));
  if (scale === undefined || !namesIn(folder).includes("verdicts.json")) return undefined;
  return { experiment: name.slice(0, -scale.length - 1), scale, parent: path.dirname(folder) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
