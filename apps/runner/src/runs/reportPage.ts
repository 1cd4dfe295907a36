/** The page of `phew report --html`: what the folders of runs hold, and the commands that make them again. */
import path from "node:path";
import { isRecord } from "@phew/core/fields";
import { htmlReport } from "@phew/report";
import { type RunConfig, type RunEnvironment, type RunRecord, readJson } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { trainCommand } from "../settings/commandText.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import { sweepsAgain } from "../sweep/sweepAgain.ts";
import { trainConfigOf } from "./shownRun.ts";

export async function reportPage(
  runs: readonly RunRecord[],
  notes: readonly string[],
  options: { readonly targetAccuracy: number; readonly figures: boolean },
): Promise<string> {
  const configs = runs.map(trainConfigOf);
  const again = runs.flatMap((run, k) => {
    const config = configs[k] as (TrainConfig & RunConfig) | undefined;
    return config === undefined ? [] : [{ id: run.id, experiment: run.experiment, config }];
  });
  const { titleOf } = configurationsOf(runs);
  return await htmlReport({
    runs,
    ...options,
    environments: runs.map(({ folder }) => environmentsOf(folder)),
    sweeps: again.length > 1 ? sweepsAgain(again) : [],
    commands: runs.map(({ experiment }, k) => configs[k] && trainCommand(configs[k], experiment)),
    notes: [
      ...notes,
      ...runs.flatMap((run) => [
        ...(run.state.failure === undefined ? [] : [`${titleOf(run)}: failed: ${run.state.failure}`]),
        ...run.state.warnings.map((text) => `${titleOf(run)}: ${text}`),
      ]),
    ],
  });
}

/** The environments in which it started and was resumed. */
function environmentsOf(folder: string): RunEnvironment[] {
  const file = readJson(path.join(folder, "environment.json"));
  if (!isRecord(file)) return [];
  const { resumed, ...first } = file;
  const others = Array.isArray(resumed) ? resumed.filter(isRecord) : [];
  return [first, ...others] as unknown as RunEnvironment[];
}
