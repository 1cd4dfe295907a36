/** Parses JSON from untrusted files: bounded depth, unique names in objects, valid UTF-8. */
import { ArgumentError, counted } from "@phew/core/messages";

/**
 * @param subject the file, for messages
 * @param maxDepth greatest nesting of objects and arrays
 * @throws ArgumentError if the bytes are not JSON, nest deeper, or repeat a name in an object
 */
export function parseStrictJson(subject: string, bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  try {
    // a byte order mark, as editors of Windows write it, is taken off
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    throw new ArgumentError(subject, {
      given: isWide ? "text in UTF-16" : "text that is not UTF-8",
      expected: "JSON in UTF-8",
      remedy: isWide ? "Save it as UTF-8." : undefined,
    });
  }
  requireBounded(subject, text, maxDepth);
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /position \d+/.exec(String(error))?.[0];
    throw new ArgumentError(subject, {
      given: `broken JSON${place === undefined ? "" : ` at ${place}`}`,
      expected: "JSON",
      remedy: "The file is damaged or of another format.",
    });
  }
}

export type JsonObject = { readonly [name: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Looks at brackets and strings only; what else is wrong JSON.parse finds. */
function requireBounded(subject: string, text: string, maxDepth: number): void {
  // the names seen in each open object; undefined for an open array
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x7b:
      case 0x5b:
        open.push(text[at] === "{" ? new Set() : undefined);
        if (open.length > maxDepth) {
          throw new ArgumentError(subject, {
            given: `JSON nested deeper than ${counted(maxDepth, "level")}`,
            expected: `at most ${maxDepth}`,
          });
        }
        break;
      case 0x7d:
      case 0x5d:
        open.pop();
        break;
      case 0x22: {
        const end = stringEnd(text, at);
        const names = open[open.length - 1];
        if (names !== undefined && isName(text, end)) requireNew(subject, names, text.slice(at, end));
        at = end - 1;
      }
    }
  }
}

/** One past the closing quote of the string that opens at `start`, or the text's end. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at++;
  }
  return text.length;
}

function isName(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return text[at] === ":";
}

function requireNew(subject: string, names: Set<string>, quoted: string): void {
  let name = quoted;
  try {
    name = JSON.parse(quoted) as string;
  } catch {
    // left as it is: the whole text will fail to parse too
  }
  if (names.has(name)) {
    throw new ArgumentError(subject, {
      given: `the name ${JSON.stringify(name)} twice in one object`,
      expected: "every name once",
    });
  }
  names.add(name);
}
