/**
 * Makes text from files, names or other programs safe for its destination. Characters that are invisible, move the
 * cursor or reverse the order of letters are written as JavaScript escapes, so that different names look different.
 */
import { shortened } from "@phew/core/shortened";

/**
 * Controls (C0, DEL, C1), lone surrogates, line separators, noncharacters and invisible characters, except joiners
 * and variation selectors.
 */
const UNSEEN = "[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}]|(?![\\u200d\\ufe0e\\ufe0f])[\\p{Cf}\\p{DI}\\p{NChar}]";
/** A joiner is part of a picture between two of its parts, and unseen elsewhere. */
const STRAY_JOINER = "(?<![\\p{ExtPict}\\ufe0f\\p{EMod}])\\u200d|\\u200d(?!\\p{ExtPict})";
const UNPRINTABLE = new RegExp(`${UNSEEN}|${STRAY_JOINER}`, "gu");

/** Most characters of a line: an error message that quotes a name of megabytes. */
const LONGEST_LINE = 4000;
const LONGEST_CELL = 400;

/** Visible form of a text in one terminal line; a text of more than 4,000 characters loses its middle. */
export function lineText(text: string): string {
  return numbered(shortened(text, LONGEST_LINE, LONGEST_LINE));
}

/** The same for a cell of a table, of at most 400 characters. */
export function cellText(text: string): string {
  return numbered(shortened(text, LONGEST_CELL, LONGEST_CELL));
}

/** Visible form of a text of several lines, which may have tabs. */
export function blockText(text: string): string {
  return numbered(text.includes("\r") ? text.replaceAll("\r\n", "\n") : text, "\n\t");
}

/**
 * A cell of CSV, quoted by RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it;
 * numbers, also in texts, are unchanged.
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvText(value: string | number | boolean): string {
  const text = typeof value === "string" ? guarded(blockText(value)) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows of cells as CSV, a line break at the end of each; an absent value is empty. */
export function csvLines(rows: readonly (readonly (string | number | boolean | undefined)[])[]): string {
  return rows.map((cells) => `${cells.map((cell) => csvText(cell ?? "")).join(",")}\n`).join("");
}

/** Text of a Markdown table's cell: shown as it is, no markup and no HTML. */
export function markdownText(text: string): string {
  return cellText(text).replace(/[\\`*_[\]<>|~&$]/g, "\\$&");
}

const LATEX: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "''",
  // behind the end of a line these would be arguments of it
  "[": "{[}",
  "*": "{*}",
  "–": "--",
  "±": "$\\pm$",
  "×": "$\\times$",
  "÷": "$\\div$",
  "·": "$\\cdot$",
  "−": "$-$",
  "…": "\\dots{}",
};

/** Text of a LaTeX table's cell, for any engine: its special characters and ours as commands, the rest as it is. */
export function latexText(text: string): string {
  return cellText(text).replace(
    /[\\~^<>|"[*–±×÷·−…]|[#$%&_{}]/g,
    (character) => LATEX[character] ?? `\\${character}`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text inside an element or a quoted attribute of SVG, XML or HTML. */
export function markupText(text: string): string {
  return blockText(text).replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** JSON with invisible and control characters as escape sequences: the same data. */
export function jsonText(json: string): string {
  return numbered(json, "\n");
}

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Writes each UTF-16 unit of invisible characters as an escape, except the characters `kept`. */
function numbered(text: string, kept = ""): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text.replace(UNPRINTABLE, (character) =>
    kept.includes(character) ? character : (SHORT[character] ?? unitsOf(character)),
  );
}

function unitsOf(character: string): string {
  return Array.from({ length: character.length }, (_, k) => character.charCodeAt(k))
    .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
    .join("");
}

function guarded(text: string): string {
  const isNumber = text.trim() !== "" && Number.isFinite(Number(text));
  return /^[=+\-@\t\r＝＋－＠]/.test(text) && !isNumber ? `'${text}` : text;
}
