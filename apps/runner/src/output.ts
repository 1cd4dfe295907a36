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

/** `5.00 %`, `0.50 %`; more digits where they are needed. */
export function percent(fraction: number): string {
  const value = fraction * 100;
  return `${value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2)} %`;
}

/** `270,896`. */
export function count(value: number): string {
  return value.toLocaleString("en-GB");
}

/** `4.2e-7`, `0.0031`, `12.4`. */
export function measure(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return `${value}`;
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
}
