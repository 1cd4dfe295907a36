import { type Column, formatTable, type Row } from "@phew/report";
import { lineText } from "@phew/runs";
import fc from "fast-check";
import stringWidth from "string-width";
import { expect, it } from "vitest";

const columns: readonly Column[] = [
  { key: "method", title: "method" },
  { key: "trace", title: "path kernel trace", format: (value) => value.toFixed(2) },
  { key: "walks", title: "walks" },
];
const rows: readonly Row[] = [
  { method: "phew", trace: 16.604, walks: 991 },
  { method: "random | none", trace: 0.338, walks: undefined },
];

it("aligns text, numbers to the right", () => {
  expect(formatTable(columns, rows, "text")).toBe(
    [
      "method         path kernel trace  walks",
      "─────────────  ─────────────────  ─────",
      "phew                       16.60    991",
      "random | none               0.34      –",
      "",
    ].join("\n"),
  );
});

it("writes LaTeX for booktabs whose cells cannot break the table", () => {
  const odd: readonly Row[] = [
    { method: "[50 % of] a_b & \\c^2 ~ $x", trace: 1 },
    { method: "–", walks: 3 },
  ];
  expect(formatTable(columns, odd, "latex")).toBe(
    [
      "\\begin{tabular}{lrr}",
      "  \\toprule",
      "  method & path kernel trace & walks \\\\",
      "  \\midrule",
      "  {[}50 \\% of] a\\_b \\& \\textbackslash{}c\\textasciicircum{}2 \\textasciitilde{} \\$x & 1.00 & -- \\\\",
      "  -- & -- & 3 \\\\",
      "  \\bottomrule",
      "\\end{tabular}",
      "",
    ].join("\n"),
  );
});

it("writes Markdown whose cells cannot break the table", () => {
  expect(formatTable(columns, rows, "markdown")).toBe(
    [
      "| method | path kernel trace | walks |",
      "| --- | --: | --: |",
      "| phew | 16.60 | 991 |",
      "| random \\| none | 0.34 | – |",
      "",
    ].join("\n"),
  );
});

it("writes CSV with raw values, headed by the keys, quoted as RFC 4180 asks", () => {
  const awkward = [...rows, { method: 'says "a, b"\nand c', trace: 1e-7, walks: 0 }];
  expect(formatTable(columns, awkward, "csv")).toBe(
    'method,trace,walks\nphew,16.604,991\nrandom | none,0.338,\n"says ""a, b""\nand c",1e-7,0\n',
  );
});

it("tables of text have a line a row, whatever the cells hold", () =>
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 }), (names) => {
      const columns = [
        { key: "name", title: "name" },
        { key: "count", title: "count" },
      ];
      const rows = names.map((name, count) => ({ name, count }));
      for (const form of ["text", "markdown"] as const) {
        const table = formatTable(columns, rows, form);
        expect(table.split("\n").length).toBe(names.length + 3);
        // what is obeyed or not seen is written in letters: no cell is left as it came
        expect(table.replaceAll("\n", "")).toBe(lineText(table.replaceAll("\n", "")));
      }
    }),
  ));

it("columns of a table begin at the same place, whatever script its names are in", () => {
  const names = ["plain", "漢字かな", "cafe\u0301", "👩‍👩‍👧 team", "ｱｲｳ", "한국어"];
  const columns = [
    { key: "name", title: "名前" },
    { key: "mark", title: "mark" },
    { key: "count", title: "n" },
  ];
  const rows = names.map((name, count) => ({ name, mark: "¦", count }));
  const lines = formatTable(columns, rows, "text").trimEnd().split("\n").slice(2);
  const places = lines.map((line) => stringWidth(line.slice(0, line.indexOf("¦"))));
  expect(new Set(places).size).toBe(1);
  expect(new Set(lines.map((line) => stringWidth(line))).size).toBe(1);
});
