/** Whether a user has own defaults, and where. Loads nothing: verbs of users without any start as fast as before. */
import { existsSync } from "node:fs";
import path from "node:path";

const CONFIG_FILE = "phew.config.json";
/** Variables that are no settings: those of the command, and the switches of its tests. */
const OTHERS = /^PHEW_(DEBUG|THEME|TEST_(LARGE|SEED|TURN|COUNTS))$/;

/** `phew.config.json` of the working folder, or of the nearest folder above it that has one. */
export function configFile(): string | undefined {
  for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
    const file = path.join(folder, CONFIG_FILE);
    if (existsSync(file)) return path.relative("", file);
    if (path.dirname(folder) === folder) return undefined;
  }
}

/** Variables `PHEW_…` that are to be settings, with their texts; empty ones count as not set. */
export function ownVariables(): [string, string][] {
  return Object.entries(process.env).filter(
    (entry): entry is [string, string] => /^PHEW_/.test(entry[0]) && !OTHERS.test(entry[0]) && !!entry[1],
  );
}
