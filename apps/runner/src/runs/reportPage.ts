/** The page of `phew report --html`: what the folders of runs hold, and the commands that make them again. */
import { htmlReport, type UnfinishedRun } from "@phew/report";
import { type RunConfig, type RunEntry, type RunLife, type RunRecord, readEnvironments } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { trainCommand } from "../settings/commandText.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import { sweepsAgain } from "../sweep/sweepAgain.ts";
import { trainConfigOf } from "./shownRun.ts";

/** @param found all runs there are, those of the report among them */
export async function reportPage(
  runs: readonly RunRecord[],
  found: readonly RunEntry[],
  notes: readonly string[],
  options: { readonly targetAccuracy: number; readonly figures: boolean },
): Promise<string> {
  const configs = runs.map(trainConfigOf);
  const again = runs.flatMap((run, k) => {
    const config = configs[k] as (TrainConfig & RunConfig) | undefined;
    return config === undefined ? [] : [{ id: run.id, experiment: run.experiment, config }];
  });
  const { titleOf } = configurationsOf(runs, { among: found });
  return await htmlReport({
    runs,
    among: found,
    ...options,
    environments: runs.map(({ folder }) => readEnvironments(folder)),
    sweeps: again.length > 1 ? sweepsAgain(again) : [],
    commands: runs.map(({ experiment }, k) => configs[k] && trainCommand(configs[k], experiment)),
    unfinished: unfinishedRuns(found),
    notes: [...notes, ...runs.flatMap((run) => run.state.warnings.map((text) => `${titleOf(run)}: ${text}`))],
  });
}

/** Those that have begun, or failed before they did. */
function unfinishedRuns(found: readonly RunEntry[]): UnfinishedRun[] {
  const { nameOf } = configurationsOf(found);
  return found
    .filter(({ life }) => life !== "finished" && life !== "waiting")
    .map((run) => ({
      id: run.id,
      configuration: nameOf(run),
      seed: run.seed,
      state: run.life,
      reason: run.failure ?? REASONS[run.life],
    }));
}

const REASONS: Readonly<Partial<Record<RunLife, string>>> = {
  interrupted: "stopped after a checkpoint; the same command goes on with it",
  lost: "its process ended without a last word",
  running: "not at its end yet",
};
