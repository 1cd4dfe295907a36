/** A run as a person names it: by its folder, its id, or a beginning of the id that no other run has. */
import { basename, dirname, join, resolve } from "node:path";
import { ArgumentError, nearestName } from "@phew/core/messages";
import { findRunFolders, readEntry } from "../readRun.ts";

const SHOWN = 5;

/**
 * @param root the folder whose runs are meant by their ids; `experiment/id` where several experiments have one
 * @returns its folder
 * @throws ArgumentError where no run, or more than one, has the name
 */
export function runNamed(root: string, text: string): string {
  return namer(root)(text);
}

/** The same for many names: the folders are looked for once, and only if a name is none of a folder. */
export function namer(root: string): (text: string) => string {
  let known: readonly string[] | undefined;
  return (text) => {
    if (text !== "" && readEntry(text, Date.now()) !== undefined) return text;
    known ??= findRunFolders(root);
    return chosen(root, text, known);
  };
}

/**
 * The runs that a text of results names: `46f79a712d-0,1` those of seeds 0 and 1 of one configuration, as tables of results
 * print them; any other text itself.
 */
export function namesIn(text: string): string[] {
  const [, hash, seeds] = /^(.*-)(\d+(?:,\d+)+)$/.exec(text) ?? [];
  return hash === undefined ? [text] : seeds!.split(",").map((seed) => `${hash}${seed}`);
}

function chosen(root: string, text: string, folders: readonly string[]): string {
  const [id = "", experiment] = text.replace(/\/+$/, "").split("/").reverse();
  const within = folders.filter(
    (folder) => id !== "" && (experiment === undefined || experimentOf(folder) === experiment),
  );
  const exact = within.filter((folder) => idOf(folder) === id);
  const found = exact.length > 0 ? exact : within.filter((folder) => idOf(folder).startsWith(id));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw ambiguous(text, exact.length > 0, found);
  const nearest = nearestName(id, folders.map(idOf));
  throw new ArgumentError("run", {
    given: `"${text}"`,
    expected: `the folder of a run, or an id or the beginning of one below ${root}`,
    remedy: nearest === undefined ? "phew runs list shows them." : `Did you mean "${nearest}"?`,
  });
}

function ambiguous(text: string, isWhole: boolean, found: readonly string[]): ArgumentError {
  const more = found.length > SHOWN ? ` and ${found.length - SHOWN} more` : "";
  const shown = found.slice(0, SHOWN).map((folder) => join(experimentOf(folder), idOf(folder)));
  return new ArgumentError("run", {
    given: isWhole ? `"${text}", an id in several experiments` : `"${text}", which several ids begin with`,
    expected: `one of ${shown.join(", ")}${more}`,
  });
}

const idOf = (folder: string) => basename(resolve(folder));
const experimentOf = (folder: string) => basename(dirname(resolve(folder)));
