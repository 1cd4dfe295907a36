/**
 * What verbs print: the one way to standard output and standard error. All of it is made fit for a terminal here, since
 * names of files, layers, runs and whatever else was read may hold anything.
 */
import { asciiMarks, blockText, isUtf8Locale, jsonText, lineText } from "@phew/runs/text";

/** A line as a terminal of this locale shows it. */
export function shownLine(text: string): string {
  return inLocale(lineText(text));
}

/** Rules, dots and signs in ASCII where the locale has no UTF-8, as on the screen. */
function inLocale(text: string): string {
  return isUtf8Locale(process.env) ? text : asciiMarks(text);
}

/** One JSON document and nothing else. */
export function printJson(document: unknown): void {
  process.stdout.write(`${jsonText(JSON.stringify(document, jsonValue, 2))}\n`);
}

// JSON has no infinities: they are written as words rather than as null
function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? `${value}` : value;
}

/** Each text as one line, even if a name in it has a line break. */
export function printLines(...lines: string[]): void {
  process.stdout.write(`${lines.map(shownLine).join("\n")}\n`);
}

/** On standard error, a line each. */
export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`${shownLine(`warning: ${warning}`)}\n`);
}

/** Text with its own line breaks, such as a table. */
export function printText(text: string): void {
  process.stdout.write(inLocale(blockText(text)));
}

/** The same for programs, such as CSV: letters as they are, whatever the locale. */
export function printData(text: string): void {
  process.stdout.write(blockText(text));
}

/** True: progress and notes are not printed. See the setting `quiet`. */
let isQuiet = false;

export function setQuiet(quiet: boolean): void {
  isQuiet = quiet;
}

/** True if only results, warnings and failures are printed. */
export function printsResultsOnly(): boolean {
  return isQuiet;
}

/** Prints a line about the progress of work to standard error, unless `quiet`. */
export function printNote(line: string): void {
  if (!isQuiet) process.stderr.write(`${shownLine(line)}\n`);
}
