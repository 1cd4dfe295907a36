/**
 * Rows and columns as aligned text, CSV (RFC 4180, raw values), Markdown, LaTeX (booktabs) or HTML; texts from files are
 * made fit for each.
 */
import { cellText, csvLines, latexText, markdownText, markupText, padText, textWidth } from "@phew/runs";

export type Cell = string | number | boolean | undefined;
export type Row = Readonly<Record<string, Cell>>;

export interface Column {
  /** Key of the value in a row. */
  readonly key: string;
  /** Heading of text and Markdown tables; CSV is headed by the key. */
  readonly title: string;
  /** How text and Markdown show a value; CSV has the value itself. */
  readonly format?: (value: number) => string;
  /** True if all rows share the value and the heading states it: only CSV has the column. */
  readonly isSame?: boolean;
}

/** The end of a file's name for each form. */
export const TABLE_FORMS = { text: "txt", csv: "csv", markdown: "md", latex: "tex" } as const;
export type TableForm = keyof typeof TABLE_FORMS;

/**
 * The table with a line break at its end. Numbers stand right, texts left; an absent value is "–", in CSV empty.
 * @param all the columns in order; keys a row lacks are absent values
 */
export function formatTable(all: readonly Column[], rows: readonly Row[], form: TableForm): string {
  if (form === "csv") return csvTable(all, rows);
  return WRITERS[form](shownCells(all, rows, TEXTS[form]));
}

/** The table as an element of a page, in a box of its own that scrolls where the page is narrow. */
export function htmlTable(all: readonly Column[], rows: readonly Row[]): string {
  const { head, body, right } = shownCells(all, rows, (text) => markupText(cellText(text)));
  const line = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell, c) => `<${tag}${right[c] ? ' class="number"' : ""}>${cell}</${tag}>`).join("")}</tr>`;
  return [
    '<div class="wide" tabindex="0"><table>',
    `<thead>${line(head, "th")}</thead>`,
    `<tbody>${body.map((cells) => line(cells, "td")).join("\n")}</tbody>`,
    "</table></div>",
  ].join("\n");
}

/** Texts of the cells that are seen, as they stand in their form. */
interface Shown {
  readonly head: readonly string[];
  readonly body: readonly (readonly string[])[];
  /** Columns of numbers. */
  readonly right: readonly boolean[];
}

const TEXTS = { text: cellText, markdown: markdownText, latex: latexText };
const WRITERS = { text: textTable, markdown: markdownTable, latex: latexTable };

function shownCells(all: readonly Column[], rows: readonly Row[], fitting: (text: string) => string): Shown {
  const columns = all.filter(({ isSame }) => isSame !== true);
  return {
    head: columns.map(({ title }) => fitting(title)),
    body: rows.map((row) => columns.map((column) => fitting(shown(row[column.key], column)))),
    right: columns.map(({ key }) => rows.some((row) => typeof row[key] === "number")),
  };
}

function shown(value: Cell, column: Column): string {
  if (value === undefined) return "–";
  if (typeof value === "number") return column.format ? column.format(value) : `${value}`;
  return typeof value === "boolean" ? (value ? "yes" : "no") : value;
}

function textTable({ head, body, right }: Shown): string {
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

function markdownTable({ head, body, right }: Shown): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = `|${right.map((isRight) => (isRight ? " --: |" : " --- |")).join("")}`;
  return `${[line(head), rule, ...body.map(line)].join("\n")}\n`;
}

/** For `\usepackage{booktabs}`. */
function latexTable({ head, body, right }: Shown): string {
  const line = (cells: readonly string[]) => `  ${cells.join(" & ")} \\\\`;
  return [
    `\\begin{tabular}{${right.map((isRight) => (isRight ? "r" : "l")).join("")}}`,
    "  \\toprule",
    line(head),
    "  \\midrule",
    ...body.map(line),
    "  \\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

function csvTable(columns: readonly Column[], rows: readonly Row[]): string {
  const keys = columns.map(({ key }) => key);
  return csvLines([keys, ...rows.map((row) => keys.map((key) => row[key]))]);
}
