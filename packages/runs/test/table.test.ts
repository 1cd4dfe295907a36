import { type Column, formatTable, metricsCsv, type Row } from "@phew/runs";
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

it("writes metrics without times", () => {
  const point = {
    epoch: 1,
    step: 40,
    loss: 0.5,
    accuracy: 0.8,
    testLoss: 0.6,
    testAccuracy: 0.75,
    rate: 0.1,
  };
  expect(metricsCsv([{ ...point, t: 0, elapsedMs: 123 }])).toBe(
    "epoch,loss,accuracy,test_loss,test_accuracy,rate\n1,0.5,0.8,0.6,0.75,0.1\n",
  );
  const validated = { validationLoss: 0.7, validationAccuracy: 0.7, validationAccuracy5: 0.9 };
  expect(metricsCsv([{ ...point, ...validated, testAccuracy5: 0.95, t: 0, elapsedMs: 123 }])).toBe(
    "epoch,loss,accuracy,validation_loss,validation_accuracy,validation_accuracy5," +
      "test_loss,test_accuracy,test_accuracy5,rate\n1,0.5,0.8,0.7,0.7,0.9,0.6,0.75,0.95,0.1\n",
  );
});
