/** The configuration of runs: what they share, each setting once, and the settings that vary as columns. */
import { counted } from "@phew/core/messages";
import { type ConfiguredRun, configurationsOf } from "@phew/runs/configurations";
import type { ReportedRun } from "../report.ts";
import { settingCells } from "../settingColumns.ts";
import { htmlTable } from "../table.ts";

/** @param among as of {@link configurationsOf} */
export function configurationSection(runs: readonly ReportedRun[], among: readonly ConfiguredRun[]) {
  const configurations = configurationsOf(runs, { among });
  const { columns, cellsOf } = settingCells(configurations);
  const same = configurations.same.map(({ title, text, isDefault }) => ({
    title,
    text,
    default: isDefault ? "default" : "",
  }));
  const varying = htmlTable(
    [
      { key: "name", title: "configuration" },
      ...columns.filter(({ isSame }) => isSame !== true),
      { key: "seeds", title: "seeds" },
    ],
    configurations.all.map(({ name, runs: own }) => ({ ...cellsOf(own[0]!), name, seeds: seedsOf(own) })),
  );
  const shared = htmlTable(
    [
      { key: "title", title: "setting" },
      { key: "text", title: "of all runs" },
      { key: "default", title: "" },
    ],
    same,
  );
  return {
    id: "configuration",
    title: "Configuration",
    html: [
      `<p class="note">${counted(configurations.all.length, "configuration")} of ${counted(runs.length, "run")}; runs of one configuration differ in nothing but their seed.</p>`,
      configurations.all.length > 1 ? varying : "",
      same.length > 0 ? `<div class="settings">${shared}</div>` : "",
    ]
      .filter(Boolean)
      .join("\n"),
  };
}

function seedsOf(runs: readonly ReportedRun[]): string {
  return runs.map(({ config }) => `${config.seed ?? "–"}`).join(", ");
}
