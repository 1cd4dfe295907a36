/**
 * A pruning recorded as a run: events, masks and state in a run folder, so that it can be watched and reported on.
 */
import { isLoose, type Masks, measures, type RunEvent, type Weights } from "@phew/core";
import { type ExportableModel, type MaskOrigin, writeMasks } from "@phew/formats";
import { formatPercent, type RunConfig, RunWriter } from "@phew/runs";
import { describeFailure } from "../failure.ts";

export interface PruneRunPlace {
  /** Folder above the experiments. */
  readonly root: string;
  /** `prune` unless given. */
  readonly experiment?: string;
  /** All that determines the mask: the same configuration has the same folder and the same masks. */
  readonly config: RunConfig & { readonly method: string; readonly density: number; readonly seed: number };
}

/** Results of the pruning. */
export interface KeptPruning {
  readonly masks: Masks;
  readonly weights: Weights;
  readonly origin: MaskOrigin;
  /** As `writeMasks` has it. */
  readonly model: ExportableModel;
}

const EXPERIMENT = "prune";

/**
 * Runs the work, records its events, and writes its masks.
 * @param work receives the function that records events
 * @returns the run's folder and the work's result
 */
export async function keepPruneRun<T>(
  { root, experiment = EXPERIMENT, config }: PruneRunPlace,
  work: (onEvent: (event: RunEvent) => void) => Promise<T>,
  keptOf: (done: T) => KeptPruning,
): Promise<{ folder: string; done: T }> {
  const { method, density, seed } = config;
  const name = `${config.model} ${method} ${formatPercent(density)} seed ${seed}`;
  const writer = RunWriter.open({ root, experiment, name, config, defaults: {}, seed });
  try {
    writer.append({ kind: "run.started", name, config });
    let last: (RunEvent & { kind: "prune.finished" }) | undefined;
    const done = await work((event) => {
      // its measures come with it
      if (event.kind === "prune.finished") last = event;
      else writer.append(event);
    });
    const { masks, weights, origin, model } = keptOf(done);
    if (last) writer.append(isLoose(masks.network) ? last : { ...last, measures: measures(weights, masks) });
    const options = { force: true, model };
    await writer.write("masks.safetensors", (file) => writeMasks(file, masks, origin, options));
    writer.close({ state: "finished" });
    return { folder: writer.folder, done };
  } catch (error) {
    const { message, exitCode } = describeFailure(error);
    writer.close(exitCode === 130 ? { state: "interrupted" } : { state: "failed", failure: message });
    throw error;
  }
}
