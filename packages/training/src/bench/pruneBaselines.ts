/** Other programs that make a method's masks, for timing, by the method's name. To add one: a line here. */
import { type Network, type OptionValue, type Weights, walkPlan } from "@phew/core";
import { linearScanWalk } from "./linearScanWalker.ts";
import { torchSynflow } from "./torchSynflow.ts";

export interface MaskRequest {
  readonly network: Network;
  readonly weights: Weights;
  readonly density: number;
  readonly keepCount: number;
  readonly seed: number;
  /** Of the method. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly signal?: AbortSignal | undefined;
}

export interface TimedMask {
  readonly keptCount: number;
  readonly walkCount?: number | undefined;
  /** For programs that time themselves: their start does not count. */
  readonly milliseconds?: number;
}

export interface PruneBaseline {
  readonly name: string;
  /** True where every call starts a process that warms up by itself. */
  readonly alwaysFresh: boolean;
  /** @throws Error if its requirements are missing */
  mask(request: MaskRequest): Promise<TimedMask>;
}

const PUBLISHED_ROUNDS = 100;
// the first of a process is slower
const REPEATS = 2;

const baselines: ReadonlyMap<string, PruneBaseline> = new Map<string, PruneBaseline>([
  [
    "phew",
    {
      name: "linear scan",
      alwaysFresh: false,
      mask: async ({ network, weights, keepCount, seed }: MaskRequest) =>
        linearScanWalk(walkPlan(network, weights), keepCount, seed),
    },
  ],
  [
    "synflow",
    {
      name: "PyTorch, 1 thread, float32",
      alwaysFresh: true,
      async mask({ network, weights, density, options, signal }: MaskRequest) {
        const { rounds = PUBLISHED_ROUNDS, ...others } = options;
        const [strange] = Object.keys(others);
        if (strange !== undefined) throw new Error(`the published SynFlow has no option ${strange}`);
        const { seconds, keptCount } = await torchSynflow(network, weights, {
          ...{ density, rounds: Number(rounds), threadCount: 1, repeats: REPEATS },
          signal,
        });
        return { keptCount, milliseconds: 1000 * Math.min(...seconds) };
      },
    },
  ],
]);

/** @returns undefined if there is none for the method */
export const pruneBaselineOf = (method: string): PruneBaseline | undefined => baselines.get(method);
