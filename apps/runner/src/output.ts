/** What verbs print on standard output. */

/** One JSON document and nothing else. */
export function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, jsonValue, 2)}\n`);
}

// JSON has no infinities: they are written as words rather than as null
function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? `${value}` : value;
}

export function printLines(...lines: string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Text as it is, with its own line breaks. */
export function printText(text: string): void {
  process.stdout.write(text);
}
