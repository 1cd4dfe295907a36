/**
 * Tags and notes of a run, in `notes.json` of its folder. No part of its configuration, so that neither its
 * id nor its numbers depend on them; whoever works on the run leaves the file alone.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isRecord, list, message, moment, record, text } from "@phew/core/fields";
import { ArgumentError } from "@phew/core/messages";
import { replaceFile } from "../replaceFile.ts";
import { readJson } from "../status.ts";

export interface RunNote {
  /** Milliseconds since the epoch. */
  readonly t: number;
  readonly text: string;
}

export interface RunNotes {
  /** Each once, in the order in which they came. */
  readonly tags: readonly string[];
  /** The oldest first. */
  readonly notes: readonly RunNote[];
}

export const NOTES_FILE = "notes.json";
const NOTE_LIMIT = 10_000;
const TAG_LIMIT = 1000;
/** No sign that shells, filters or lists by commas take for their own. */
const TAG = /^[\p{L}\p{N}][\p{L}\p{N}._/-]{0,63}$/u;
const TAG_WORDS = "letters, digits, '.', '_', '/' and '-', at most 64 of them";

const tag = (value: unknown) => (typeof value === "string" && TAG.test(value) ? value : undefined);
const parseNotes = record<RunNotes>({
  tags: list(tag, TAG_LIMIT),
  notes: list(record<RunNote>({ t: moment, text: message }), NOTE_LIMIT),
});

const NONE: RunNotes = { tags: [], notes: [] };

/** Empty without a file; undefined if the file cannot be read. */
export function readNotes(folder: string): RunNotes | undefined {
  const path = join(folder, NOTES_FILE);
  if (!existsSync(path)) return NONE;
  const value = readJson(path);
  return isRecord(value) ? parseNotes(value) : undefined;
}

/**
 * Adds and takes away tags; one that is there already, or not there, is no fault.
 * @throws ArgumentError where one cannot be a tag, or the file cannot be read or written
 */
export function changeTags(folder: string, added: readonly string[], removed: readonly string[]): RunNotes {
  for (const each of [...added, ...removed]) {
    if (tag(each) !== undefined) continue;
    throw new ArgumentError("tag", { given: JSON.stringify(each), expected: TAG_WORDS });
  }
  const before = requireNotes(folder);
  const tags = [...new Set([...before.tags, ...added])].filter((each) => !removed.includes(each));
  if (tags.length > TAG_LIMIT) throw tooMany(folder, "tags", TAG_LIMIT);
  return writeNotes(folder, { ...before, tags });
}

/**
 * Adds a note.
 * @param t milliseconds since the epoch
 * @throws ArgumentError where it is empty or too long, or the file cannot be read or written
 */
export function addNote(folder: string, note: string, t: number): RunNotes {
  const words = text(20_000)(note.trim());
  if (words === undefined || words === "") {
    const given = words === "" ? "nothing" : `${note.length} characters`;
    throw new ArgumentError("note", { given, expected: "a text of at most 20,000 characters" });
  }
  const before = requireNotes(folder);
  if (before.notes.length >= NOTE_LIMIT) throw tooMany(folder, "notes", NOTE_LIMIT);
  return writeNotes(folder, { ...before, notes: [...before.notes, { t, text: words }] });
}

/** Takes all notes away, and leaves the tags. @throws ArgumentError where the file cannot be read or written */
export function clearNotes(folder: string): RunNotes {
  return writeNotes(folder, { ...requireNotes(folder), notes: [] });
}

function requireNotes(folder: string): RunNotes {
  const notes = readNotes(folder);
  if (notes !== undefined) return notes;
  throw new ArgumentError(join(folder, NOTES_FILE), {
    given: "a file that holds no tags and notes",
    expected: '{ "tags": ["…"], "notes": [{ "t": milliseconds, "text": "…" }] }',
    remedy: "Mend it, or take it away: it would be overwritten.",
  });
}

function writeNotes(folder: string, notes: RunNotes): RunNotes {
  replaceFile(join(folder, NOTES_FILE), `${JSON.stringify(notes, undefined, 2)}\n`, { durable: true });
  return notes;
}

function tooMany(folder: string, what: string, most: number): ArgumentError {
  return new ArgumentError(join(folder, NOTES_FILE), {
    given: `more than ${most} ${what}`,
    expected: `at most ${most}`,
  });
}
