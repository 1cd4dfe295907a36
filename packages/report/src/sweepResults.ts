/**
 * The results of a sweep: one row for each configuration, over its seeds.
 *   mean = Σ x / n,  standard deviation = √(Σ (x − mean)² / (n − 1)), of n finished runs; the latter from n = 2.
 * Nothing of time or place in it: the same runs give the same bytes wherever they ran.
 */

import { formatAccuracy, formatPercent } from "@phew/core/messages";
import { canonicalJson } from "@phew/runs";
import type { Settings, TaskStatus } from "@phew/runs/sweeps";
import type { Report } from "./report.ts";
import type { Cell, Column, Row } from "./table.ts";

/** How a setting stands in a table: where runs differ in it, or always. */
export interface SettingColumn extends Partial<Column> {
  readonly key: string;
  readonly always?: boolean;
}

/**
 * Rows in the order of the sweep; runs that are not finished count in no figure. Fractions in CSV.
 * @param told of settings, those that always have a column in their order; the title of others is their name
 */
export function sweepResults(statuses: readonly TaskStatus[], told: readonly SettingColumn[]): Report {
  const groups = new Map<string, { settings: Settings; runs: TaskStatus[] }>();
  for (const status of statuses) {
    const { seed: _, ...settings } = status.task.settings;
    const key = canonicalJson(settings);
    const group = groups.get(key) ?? { settings, runs: [] };
    group.runs.push(status);
    groups.set(key, group);
  }
  const always = told.filter((column) => column.always).map(({ key }) => key);
  const keys = keysOf(
    always,
    [...groups.values()].map(({ settings }) => settings),
  );
  return {
    columns: [
      ...keys.map((key) => settingColumn(key, told)),
      { key: "seeds", title: "seeds" },
      { key: "density_reached", title: "density reached", format: formatPercent },
      { key: "test_accuracy_mean", title: "test accuracy", format: formatAccuracy },
      { key: "test_accuracy_std", title: "std", format: formatAccuracy },
    ],
    rows: [...groups.values()].map(({ settings, runs }) => resultRow(keys, settings, runs)),
  };
}

function settingColumn(key: string, told: readonly SettingColumn[]): Column {
  const { title = key, format } = told.find((column) => column.key === key) ?? {};
  return { key, title, ...(format && { format }) };
}

function resultRow(keys: readonly string[], settings: Settings, runs: readonly TaskStatus[]): Row {
  const summaries = runs.flatMap(({ state, status }) =>
    state === "finished" && status ? [status.summary] : [],
  );
  const accuracy = meanAndDeviation(summaries.flatMap(({ testAccuracy }) => testAccuracy ?? []));
  return {
    ...Object.fromEntries(keys.map((key) => [key, cellOf(settings[key])])),
    seeds: summaries.length,
    density_reached: meanAndDeviation(summaries.flatMap(({ density }) => density ?? [])).mean,
    test_accuracy_mean: accuracy.mean,
    test_accuracy_std: accuracy.deviation,
  };
}

/** Of a sample; absent where there is too little of it. */
export function meanAndDeviation(sample: readonly number[]): { mean?: number; deviation?: number } {
  const n = sample.length;
  if (n === 0) return {};
  const mean = sample.reduce((sum, x) => sum + x, 0) / n;
  if (n === 1) return { mean };
  const squares = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (n - 1)) };
}

function keysOf(always: readonly string[], settings: readonly Settings[]): string[] {
  const all = [...new Set([...always, ...settings.flatMap((each) => Object.keys(each))])];
  const texts = (key: string) => new Set(settings.map((each) => canonicalJson(each[key] ?? null)));
  return all.filter((key) =>
    always.includes(key) ? settings.some((each) => each[key] !== undefined) : texts(key).size > 1,
  );
}

function cellOf(value: unknown): Cell {
  if (value === undefined || value === null) return undefined;
  return typeof value === "object" ? canonicalJson(value) : (value as Cell);
}
