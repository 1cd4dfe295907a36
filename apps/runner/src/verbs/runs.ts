/** `phew runs`: lists, shows, compares, tags and removes run folders. */
import { counted, formatMoment } from "@phew/core/messages";
import { formatTable } from "@phew/report/table";
import {
  addNote,
  changeTags,
  clearNotes,
  folderSize,
  type RunNotes,
  readNotes,
  removeRun,
  requireRemovable,
  runNamed,
  namesIn as runNames,
  sortRuns,
} from "@phew/runs/list";
import { EXIT } from "../exit.ts";
import { UsageError } from "../failure.ts";
import { printJson, printLines, printText, printWarnings } from "../output/output.ts";
import { chosenFolders, filteredRuns, namesBelow } from "../runs/chosenRuns.ts";
import { differenceDocument, differenceText } from "../runs/differentRuns.ts";
import { fieldTable, runDocuments, runWarnings, usualTable } from "../runs/listedRuns.ts";
import { isAgreed, madeOf, type SizedRun, sizeText } from "../runs/removedRuns.ts";
import { type ShownRun, shownDocument, shownRun, shownText } from "../runs/shownRun.ts";

interface RunsOptions {
  readonly runs: string;
  readonly json?: boolean;
}

interface ListOptions extends RunsOptions {
  readonly sort?: string;
  readonly columns?: string;
}

export function list(filters: readonly string[], options: ListOptions): void {
  const { runs: found, foundCount, waitingCount, fields } = filteredRuns(options.runs, filters);
  const runs = sortRuns(found, namesIn(options.sort ?? "begun"), fields);
  const shown = namesIn(options.columns ?? "").map((name) => fields.named("--columns", name));
  if (options.json) {
    const { rows } = fieldTable(runs, shown);
    printJson(
      shown.length > 0 ? { runs: rows, foundCount } : { ...runDocuments(runs), foundCount, waitingCount },
    );
    return;
  }
  printWarnings(runWarnings(runs));
  const { columns, rows, shared } = shown.length > 0 ? fieldTable(runs, shown) : usualTable(runs, fields);
  const unknownCount = runs.filter(({ isConfigUnknown }) => isConfigUnknown).length;
  const all = unknownCount === 0 ? "all" : `all but ${unknownCount} whose settings are unknown`;
  if (shared !== "") printText(`${all}: ${shared}\n\n`);
  if (runs.length > 0) printText(`${formatTable(columns, rows, "text")}\n`);
  const among = filters.length > 0 ? ` of ${foundCount}` : "";
  const waiting = [
    "",
    " 1 more waits in a sweep: phew watch shows it.",
    ` ${waitingCount} more wait in sweeps: phew watch shows them.`,
  ][Math.min(2, waitingCount)];
  printLines(`${counted(runs.length, "run")}${among} below ${options.runs}.${waiting}`);
}

const namesIn = (text: string) => text.split(",").flatMap((part) => part.trim() || []);

/** Runs called as lists call them: by what they differ in from the others below the folder. */
function named(root: string, names: readonly string[]): ShownRun[] {
  const folders = names.map((name) => runNamed(root, name));
  const nameOf = namesBelow(root);
  return folders.map((folder) => shownRun(folder, nameOf(folder)));
}

/** @param text one run, or those of one configuration as tables of results name them */
export function show(text: string, { runs, json }: RunsOptions): void {
  const shown = named(runs, runNames(text));
  if (json) printJson(shown.length === 1 ? shownDocument(shown[0]!) : { runs: shown.map(shownDocument) });
  else printText(shown.map((each) => `${shownText(each)}\n`).join("\n\n"));
}

export function diff(a: string, b: string, { runs, json }: RunsOptions): void {
  const [left, right] = named(runs, [a, b]);
  if (json) printJson(differenceDocument(left!, right!));
  else printText(differenceText(left!, right!));
}

/** @param words runs or filters, and tags with + or - before them */
export function tag(words: readonly string[], { runs, json }: RunsOptions): void {
  const isTag = (word: string) => /^[+-]/.test(word);
  const folders = chosenFolders(
    runs,
    words.filter((word) => !isTag(word)),
  );
  if (folders.length === 0) {
    throw new UsageError("<runs-and-tags>", {
      given: words.join(" "),
      expected: "a run beside the tags, such as 6c47 +paper",
    });
  }
  const tagsAfter = (sign: string) =>
    words.filter((word) => word.startsWith(sign)).map((word) => word.slice(1));
  const changed = folders.map((folder) => ({
    folder,
    ...(words.some(isTag) ? changeTags(folder, tagsAfter("+"), tagsAfter("-")) : readNotes(folder)),
  }));
  if (json) {
    printJson({ runs: changed });
    return;
  }
  printLines(...changed.map(({ folder, tags = [] }) => `${folder}: ${tags.join(", ") || "no tags"}`));
}

export function note(
  run: string,
  text: string | undefined,
  { runs, json, clear }: RunsOptions & { readonly clear?: boolean },
): void {
  if (text !== undefined && clear) {
    throw new UsageError("--clear", { given: "it beside a note", expected: "one of them" });
  }
  const folders = runNames(run).map((name) => runNamed(runs, name));
  for (const folder of folders)
    if (text !== undefined) addNote(folder, text, Date.now());
    else if (clear) clearNotes(folder);
  const noted = folders.map((folder) => {
    const { notes = [], tags = [] } = readNotes(folder) ?? {};
    return { folder, tags, notes };
  });
  if (json) printJson(noted.length === 1 ? noted[0] : { runs: noted });
  else for (const { folder, notes } of noted) printNotes(folder, notes, noted.length > 1);
}

function printNotes(folder: string, notes: NonNullable<RunNotes["notes"]>, isNamed: boolean): void {
  if (notes.length === 0) printLines(`${folder}: no notes`);
  else if (isNamed) printLines(`${folder}:`);
  for (const each of notes) {
    const when = formatMoment(each.t);
    printText(`${when}  ${each.text.replaceAll("\n", `\n${" ".repeat(when.length + 2)}`)}\n`);
  }
}

interface RemoveOptions extends RunsOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export async function remove(words: readonly string[], options: RemoveOptions): Promise<void> {
  const folders = chosenFolders(options.runs, words);
  folders.forEach(requireRemovable);
  const runs = folders.map((folder) => ({ folder, ...folderSize(folder) }));
  printWarnings(madeOf(options.runs, folders));
  if (options.dryRun) return printRemoved("Would remove", runs, options);
  if (!options.yes && !(await isAgreed(runs))) {
    process.exitCode = EXIT.failed;
    printLines("Nothing was removed.");
    return;
  }
  printRemoved(
    "Removed",
    folders.map((folder) => ({ folder, ...removeRun(folder) })),
    options,
  );
}

function printRemoved(what: string, runs: readonly SizedRun[], { json, dryRun }: RemoveOptions): void {
  if (json) {
    printJson(dryRun ? { wouldRemove: runs } : { removed: runs });
    return;
  }
  printLines(...runs.map((run) => `${what} ${run.folder}: ${sizeText([run])}.`));
  if (runs.length > 1) printLines(`${counted(runs.length, "run")}, ${sizeText(runs)}.`);
}
