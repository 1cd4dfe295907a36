/**
 * The tables of results of an experiment as CSV: a row for each mask, a row for each run. Existing rows are not measured
 * again, wherever they come from, so an experiment continues from tables of other computers.
 * A list is one cell, separated by spaces; no cell contains a comma.
 */
import { existsSync, readFileSync } from "node:fs";
import { ArgumentError } from "@phew/core";
import { type Cell, type Column, formatTable } from "@phew/report/table";
import { replaceFile } from "@phew/runs";

export interface MaskRow {
  readonly key: string;
  /** Name of the method in the grid. */
  readonly method: string;
  /** The requested density. */
  readonly density: number;
  readonly seed: number;
  readonly reached: number;
  readonly effective: number;
  /** log10 of the path kernel trace, and of its ratio to the dense network's; −Infinity for a trace of 0. */
  readonly logTrace: number;
  readonly logRelativeTrace: number;
  /** Fractions of units. */
  readonly meanWidth: number;
  readonly minWidth: number;
  readonly collapsed: number;
  readonly walks: number;
  readonly logPaths: number;
  /** One number for each layer. */
  readonly densities: readonly number[];
  readonly widths: readonly number[];
  /** Commits of the program that measured it, separated by spaces; absent where it is no checkout. */
  readonly commit?: string | undefined;
}

export interface RunRow {
  readonly key: string;
  readonly model: string;
  readonly dataset: string;
  /** With its options and check: `phew:bias=square+shuffle`. */
  readonly method: string;
  readonly density: number;
  readonly init: string;
  readonly classes: number;
  readonly trainCount: number;
  readonly epochs: number;
  readonly seed: number;
  /** On the test examples after the last epoch; a fraction. */
  readonly accuracy: number;
  readonly loss: number;
  /** Density at the end; trace and widths are those of the first masks. */
  readonly reached: number;
  readonly trace: number;
  readonly logRelativeTrace: number;
  readonly meanWidth: number;
  readonly minWidth: number;
  /** Multiply-adds of the forward pass of one example. */
  readonly multiplyAdds: number;
  readonly stepsPerEpoch: number;
  /** After each epoch; first the evaluation before any step, if there is one. */
  readonly accuracies: readonly number[];
  readonly losses: readonly number[];
  /** After the last epoch, of runs with validation examples; tables without such runs lack the column. */
  readonly validationAccuracy?: number | undefined;
  /** As that of a mask. */
  readonly commit?: string | undefined;
}

type Kind = "text" | "number" | "numbers";
/** The content of each column. */
export type Shape<Row> = { readonly [K in keyof Row]-?: Kind };

const MASK: Shape<MaskRow> = {
  ...{ key: "text", method: "text", density: "number", seed: "number", reached: "number" },
  ...{ effective: "number", logTrace: "number", logRelativeTrace: "number", meanWidth: "number" },
  ...{ minWidth: "number", collapsed: "number", walks: "number", logPaths: "number" },
  ...{ densities: "numbers", widths: "numbers", commit: "text" },
};
const RUN: Shape<RunRow> = {
  ...{ key: "text", model: "text", dataset: "text", method: "text", density: "number", init: "text" },
  ...{ classes: "number", trainCount: "number", epochs: "number", seed: "number", accuracy: "number" },
  ...{ loss: "number", reached: "number", trace: "number", logRelativeTrace: "number", meanWidth: "number" },
  ...{ minWidth: "number", multiplyAdds: "number", stepsPerEpoch: "number" },
  ...{ accuracies: "numbers", losses: "numbers", validationAccuracy: "number", commit: "text" },
};
/** Columns that tables have only where a row has a value in them. */
const OPTIONAL: ReadonlySet<string> = new Set<keyof RunRow>(["validationAccuracy", "commit"]);

/** Rows by their keys, in the file's order. @throws ArgumentError if the file is not such a table */
export const readMaskRows = (file: string) => readRows<MaskRow>(file, MASK);
export const readRunRows = (file: string) => readRows<RunRow>(file, RUN);
export const writeMaskRows = (file: string, rows: Iterable<MaskRow>) => writeRows(file, MASK, rows);
export const writeRunRows = (file: string, rows: Iterable<RunRow>) => writeRows(file, RUN, rows);

export function readRows<Row extends { readonly key: string }>(
  file: string,
  shape: Shape<Row>,
): Map<string, Row> {
  if (!existsSync(file)) return new Map();
  const [head = "", ...lines] = readFileSync(file, "utf8").trimEnd().split(/\r?\n/);
  const all = Object.keys(shape) as (keyof Row & string)[];
  const named = new Set(head.split(","));
  const keys = all.filter((key) => named.has(key) || !OPTIONAL.has(key));
  if (head !== keys.join(",")) {
    throw new ArgumentError(file, {
      given: `columns ${head.slice(0, 200)}`,
      expected: all.filter((key) => !OPTIONAL.has(key)).join(","),
      remedy: "It is a table of another version: take it away, or choose another folder with --out.",
    });
  }
  const rows = lines.map((line, k) => readRow(`${file}: line ${k + 2}`, line.split(","), keys, shape));
  return new Map(rows.map((row) => [row.key, row]));
}

function readRow<Row>(
  subject: string,
  cells: readonly string[],
  keys: readonly (keyof Row & string)[],
  shape: Shape<Row>,
): Row {
  if (cells.length !== keys.length) {
    throw new ArgumentError(subject, { given: `${cells.length} cells`, expected: `${keys.length}` });
  }
  const entries = keys.map((key, k) => {
    const value = parsed(cells[k]!, shape[key]);
    if (value !== undefined) return [key, value];
    throw new ArgumentError(`${subject}: ${key}`, { given: `"${cells[k]}"`, expected: "numbers" });
  });
  return Object.fromEntries(entries) as Row;
}

function parsed(cell: string, kind: Kind): string | number | readonly number[] | undefined {
  if (kind === "text") return cell;
  // texts that begin with a sign get an apostrophe before it, for spreadsheets
  const texts = cell.replace(/^'/, "").split(" ");
  const numbers = cell === "" ? [] : texts.map(Number);
  const known = texts.every((text) => text === "NaN" || !Number.isNaN(Number(text)));
  if (!known || (kind === "number" && numbers.length !== 1)) return undefined;
  return kind === "number" ? numbers[0] : numbers;
}

export function writeRows<Row extends object>(file: string, shape: Shape<Row>, rows: Iterable<Row>): void {
  const all = [...rows];
  const keys = (Object.keys(shape) as (keyof Row & string)[]).filter(
    (key) => !OPTIONAL.has(key) || all.some((row) => row[key] !== undefined),
  );
  const missing = (key: keyof Row) => (shape[key] === "text" ? "" : NaN);
  const columns: Column[] = keys.map((key) => ({ key, title: key }));
  const cells = all.map((row) =>
    Object.fromEntries(keys.map((key) => [key, cellOf(row[key] ?? missing(key))])),
  );
  replaceFile(file, formatTable(columns, cells, "csv"));
}

function cellOf(value: unknown): Cell {
  if (Array.isArray(value)) return value.map(numberText).join(" ");
  return typeof value === "number" ? numberText(value) : (value as Cell);
}

/** Seven digits, the precision of float32. Densities and counts below ten million are exact. */
const numberText = (value: number) => `${Number(value.toPrecision(7))}`;
