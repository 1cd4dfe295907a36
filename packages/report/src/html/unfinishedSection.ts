/** Runs that failed, were stopped or lost: they count in no figure, and stand here with the reason. */
import { counted } from "@phew/core/messages";
import { htmlTable } from "../table.ts";

export interface UnfinishedRun {
  readonly id: string;
  /** Of its configuration, among all runs. */
  readonly configuration: string;
  readonly seed?: number | undefined;
  readonly state: string;
  readonly reason?: string | undefined;
}

export function unfinishedSection(runs: readonly UnfinishedRun[]) {
  const configurations = new Set(runs.map(({ configuration }) => configuration)).size;
  const columns = ["configuration", "seed", "state", "reason", "run"].map((key) => ({ key, title: key }));
  const rows = runs.map(({ id, configuration, seed, state, reason }) => ({
    ...{ run: id, configuration, state },
    seed: seed === undefined ? undefined : `${seed}`,
    reason,
  }));
  return {
    id: "unfinished",
    title: "Not finished",
    html:
      runs.length === 0
        ? ""
        : `<p class="note">${counted(runs.length, "run")} of ${counted(configurations, "configuration")}: in no mean and in no figure.</p>\n<div class="reasons">${htmlTable(columns, rows)}</div>`,
  };
}
