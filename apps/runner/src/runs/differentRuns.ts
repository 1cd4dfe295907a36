/** Two runs side by side: the settings in which they differ, their results and their environments. */
import { formatTable, type Row } from "@phew/report/table";
import { canonicalJson } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { resultsOf, type ShownRun, shownCell, valueText } from "./shownRun.ts";

interface Difference {
  readonly name: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** For programs. */
export function differenceDocument(a: ShownRun, b: ShownRun): object {
  return {
    a: a.run.folder,
    b: b.run.folder,
    settings: settingDifferences(a, b),
    results: Object.keys(resultsOf(a.run).row).map((name) => ({
      name,
      a: resultsOf(a.run).row[name],
      b: resultsOf(b.run).row[name],
    })),
    environment: differences(a.environment, b.environment),
  };
}

/** For people. */
export function differenceText(a: ShownRun, b: ShownRun): string {
  const [left, right] = [a.run.id, b.run.id === a.run.id ? b.run.folder : b.run.id];
  const settings = settingDifferences(a, b);
  const places = differences(a.environment, b.environment);
  const { columns } = resultsOf(a.run);
  const [rowA, rowB] = [resultsOf(a.run).row, resultsOf(b.run).row];
  const results = [
    { name: "state", a: a.run.life, b: b.run.life },
    ...columns
      .filter(({ key }) => rowA[key] !== undefined || rowB[key] !== undefined)
      .map((column) => ({
        name: column.title,
        a: shownCell(rowA[column.key], column),
        b: shownCell(rowB[column.key], column),
      })),
  ];
  const table = (title: string, rows: readonly Difference[]) =>
    formatTable(
      [
        { key: "name", title },
        { key: "a", title: left },
        { key: "b", title: right },
      ],
      rows.map((row): Row => ({ name: row.name, a: valueText(row.a), b: valueText(row.b) })),
      "text",
    );
  return [
    settings.length === 0 ? "No setting differs.\n" : table("setting", settings),
    table("result", results),
    ...(places.length === 0 ? [] : [table("environment", places)]),
  ].join("\n");
}

function settingDifferences({ run: a }: ShownRun, { run: b }: ShownRun): Difference[] {
  const settings = configurationsOf([a, b]).columns.map(({ key, cellOf }) => ({
    name: key,
    a: cellOf(a),
    b: cellOf(b),
  }));
  return a.seed === b.seed ? settings : [...settings, { name: "seed", a: a.seed, b: b.seed }];
}

function differences(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): Difference[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .map((name) => ({ name, a: a[name], b: b[name] }))
    .filter((each) => canonicalJson(each.a ?? null) !== canonicalJson(each.b ?? null));
}
