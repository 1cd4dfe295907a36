/**
 * The work of a run, for an estimate of its time, in multiply-adds:
 *   start + epochs · (3 · training examples + test examples) · (share · dense multiply-adds of one example + 2.5 · values)
 * 3, because a step computes the gradients of weights and of inputs too; share, the part of them that is computed; values,
 * the elements of all values of one example, each of which is written and read whatever the density.
 */
import { elementCount, multiplyAdds, type Network } from "@phew/core";
import { canonicalJson, type RunEntry } from "@phew/runs";
import { type Estimate, elapsedOf, estimateRuns, type RunWork } from "@phew/runs/sweeps";
import type { TrainConfig } from "../settings/configuration.ts";
import { DATA } from "../settings/data.ts";
import { checkTrainConfig } from "../settings/files.ts";
import type { RunMaterial } from "./sweepTasks.ts";

interface Cost {
  /** Part of the dense multiply-adds that a density leaves to compute. */
  readonly share: (density: number) => number;
  /** Multiply-adds a millisecond, as docs/benchmarks.md has them. */
  readonly usualRate: number;
}

const COSTS: Readonly<Record<string, Cost>> = {
  sparse: { share: (density) => density, usualRate: 3e6 },
  tensorflow: { share: () => 1, usualRate: 3e6 },
};
const OTHER: Cost = COSTS.tensorflow!;
/** Start-up of a process, as so much work. */
const START_MS = 450;
/** Multiply-adds that take as long as one element of a value. */
const VALUE_WORK = 2.5;

/** Time of each run, from finished runs among `entries` and from the work. */
export function estimateSweep(
  runs: readonly { readonly id: string; readonly config: TrainConfig }[],
  materials: ReadonlyMap<string, RunMaterial>,
  entries: readonly RunEntry[],
): Estimate {
  const perExample = new Map<Network, { readonly dense: number; readonly values: number }>();
  const workOf = (config: TrainConfig, { dataset, network }: RunMaterial): RunWork => {
    const ofOne = perExample.get(network) ?? {
      dense: multiplyAdds(network).dense,
      values: network.nodes.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    };
    perExample.set(network, ofOne);
    const { share, usualRate } = COSTS[config.executor] ?? OTHER;
    const examples = config.epochs * (3 * dataset.train.count + dataset.test.count);
    return {
      configuration: configurationKey(config),
      kind: config.executor,
      multiplyAdds:
        START_MS * usualRate + examples * (share(config.density) * ofOne.dense + VALUE_WORK * ofOne.values),
      usualRate,
    };
  };
  const byData = new Map(runs.map(({ id, config }) => [dataKey(config), materials.get(id)!]));
  const finished = entries.flatMap((entry) => {
    const elapsedMs = elapsedOf(entry);
    const config = configOf(entry);
    const material = config && byData.get(dataKey(config));
    return elapsedMs === undefined || !config || !material
      ? []
      : [{ work: workOf(config, material), elapsedMs }];
  });
  return estimateRuns(
    runs.map(({ id, config }) => workOf(config, materials.get(id)!)),
    finished,
  );
}

// how images are varied changes neither their number nor the network
const { augmentation: _, ...DATASET } = DATA;

/** Runs with equal data and network have the same material. */
function dataKey(config: TrainConfig): string {
  const names = ["model", ...Object.keys(DATASET)] as (keyof TrainConfig)[];
  return JSON.stringify(names.map((name) => config[name]));
}

function configurationKey(config: TrainConfig): string {
  return canonicalJson({ ...config, seed: 0 });
}

/** Undefined for a run of another version or kind. */
function configOf(entry: RunEntry): TrainConfig | undefined {
  try {
    return checkTrainConfig(entry.folder, entry.config);
  } catch {
    return undefined;
  }
}
