/** What verbs print: results on standard output, warnings on standard error. */

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

/** On standard error, a line each. */
export function printWarnings(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}

/** Text as it is, with its own line breaks. */
export function printText(text: string): void {
  process.stdout.write(text);
}
