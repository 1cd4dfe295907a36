/** The settings of runs as columns of a table: those that vary, and in CSV, above which nothing stands, the main ones in any case. */
import { formatPercent } from "@phew/core/messages";
import type { Configurations, ConfiguredRun, SettingColumn } from "@phew/runs/configurations";
import type { Column, Row } from "./table.ts";

export interface SettingCells<Run> {
  readonly columns: readonly Column[];
  readonly cellsOf: (run: Run) => Row;
}

export function settingCells<Run extends ConfiguredRun>({
  columns,
  sameColumns,
}: Configurations<Run>): SettingCells<Run> {
  const all = [...sameColumns, ...columns];
  return {
    columns: [
      ...sameColumns.map((column) => ({ ...shownColumn(column), isSame: true })),
      ...columns.map(shownColumn),
    ],
    cellsOf: (run) => Object.fromEntries(all.map(({ key, cellOf }) => [key, cellOf(run)])),
  };
}

function shownColumn<Run>({ key, title, isPercent }: SettingColumn<Run>): Column {
  return { key, title, ...(isPercent && { format: (value: number) => formatPercent(value, 4) }) };
}
