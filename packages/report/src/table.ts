/** Rows and columns as aligned text, CSV (RFC 4180, raw values) or Markdown; texts from files are made fit for each. */
import { cellText, csvLines, markdownText, padText, textWidth } from "@phew/runs";

export type Cell = string | number | boolean | undefined;
export type Row = Readonly<Record<string, Cell>>;

export interface Column {
  /** Key of the value in a row. */
  readonly key: string;
  /** Heading of text and Markdown tables; CSV is headed by the key. */
  readonly title: string;
  /** How text and Markdown show a value; CSV has the value itself. */
  readonly format?: (value: number) => string;
  /** True of what is the same in all rows and told above the table: CSV alone has a column for it. */
  readonly isSame?: boolean;
}

export type TableForm = "text" | "csv" | "markdown";

/**
 * The table with a line break at its end. Numbers stand right, texts left; an absent value is "–", in CSV empty.
 * @param all the columns in order; keys a row lacks are absent values
 */
export function formatTable(all: readonly Column[], rows: readonly Row[], form: TableForm): string {
  if (form === "csv") return csvTable(all, rows);
  const columns = all.filter(({ isSame }) => isSame !== true);
  const fitting = form === "text" ? cellText : markdownText;
  const head = columns.map((column) => fitting(column.title));
  const body = rows.map((row) => columns.map((column) => fitting(shown(row[column.key], column))));
  const right = columns.map((column) => rows.some((row) => typeof row[column.key] === "number"));
  return form === "text" ? textTable(head, body, right) : markdownTable(head, body, right);
}

function shown(value: Cell, column: Column): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return column.format ? column.format(value) : `${value}`;
  return typeof value === "boolean" ? (value ? "yes" : "no") : value;
}

function textTable(
  head: readonly string[],
  body: readonly (readonly string[])[],
  right: readonly boolean[],
): string {
  const width = head.map((title, c) =>
    body.reduce((most, row) => Math.max(most, textWidth(row[c]!)), textWidth(title)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => padText(cell, width[c]!, right[c] ? "right" : "left"))
      .join("  ")
      .trimEnd();
  const rule = width.map((w) => "─".repeat(w)).join("  ");
  return `${[line(head), rule, ...body.map(line)].join("\n")}\n`;
}

function markdownTable(
  head: readonly string[],
  body: readonly (readonly string[])[],
  right: readonly boolean[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${right.map((isRight) => (isRight ? " --: |" : " --- |")).join("")}`;
  return `${[line(head), rule, ...body.map(line)].join("\n")}\n`;
}

function csvTable(columns: readonly Column[], rows: readonly Row[]): string {
  const keys = columns.map(({ key }) => key);
  return csvLines([keys, ...rows.map((row) => keys.map((key) => row[key]))]);
}
