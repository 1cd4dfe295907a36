/** The settings of runs as columns of a table: those that vary; CSV, which has no heading, always has the main ones. */
import { formatPercent } from "@phew/core/messages";
import type { Configurations, ConfiguredRun, SettingColumn } from "@phew/runs/configurations";
import type { Column, Row } from "./table.ts";

export interface SettingCells<Run> {
  readonly columns: readonly Column[];
  readonly cellsOf: (run: Run) => Row;
}

export function settingCells<Run extends ConfiguredRun>({
  fileColumns,
}: Configurations<Run>): SettingCells<Run> {
  return {
    columns: fileColumns.map(shownColumn),
    cellsOf: (run) => Object.fromEntries(fileColumns.map(({ key, cellOf }) => [key, cellOf(run)])),
  };
}

function shownColumn<Run>({ key, title, isPercent, varies }: SettingColumn<Run>): Column {
  const format = (value: number) => formatPercent(value, 4);
  return { key, title, ...(isPercent && { format }), ...(!varies && { isSame: true }) };
}
