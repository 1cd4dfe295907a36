/**
 * The plan of a command that has several runs and is no sweep, `phew demo`, `phew imp` or `phew compare`: screens show its waiting runs and
 * when it will end, as those of a sweep.
 */
import path from "node:path";
import { COMMAND, makeOwnFolder, ownProcess, runFolderOf } from "@phew/runs";
import { type PlannedRun, readSweepRecord, sweepFolder, writeSweepRecord } from "@phew/runs/sweeps";
import { identityOf, type TrainConfig } from "../settings/configuration.ts";
import { withDigests } from "../sources/weightSources.ts";
import { entriesBelow } from "../sweep/sweepReport.ts";
import { estimateSweep } from "../sweep/sweepWork.ts";
import { datasetOf, type RunPlace } from "./runMaterial.ts";
import { runNetwork } from "./runNetwork.ts";

/** A run that is to come. */
export interface ComingRun {
  readonly config: TrainConfig;
  /** Until its own is known: it may follow from the weights of another run. */
  readonly id?: string;
}

interface PlanOptions {
  /** For people: "phew imp". */
  readonly command: string;
  readonly atATime: number;
  /** Finished runs are done again. */
  readonly isAgain: boolean;
}

export class CommandPlan {
  readonly #place: Pick<RunPlace, "root" | "experiment">;
  readonly #options: PlanOptions;
  readonly #own: string;
  readonly #submittedT = Date.now();
  readonly #isWritten: boolean;
  #runs: readonly PlannedRun[] = [];

  constructor(place: Pick<RunPlace, "root" | "experiment">, options: PlanOptions) {
    this.#place = place;
    this.#options = options;
    this.#own = sweepFolder(place.root, place.experiment);
    const before = readSweepRecord(this.#own);
    // a sweep of this experiment keeps its plan, by which it can be started again
    this.#isWritten = before === undefined || before.executor === COMMAND;
  }

  /** Writes which runs it has, in the order in which they begin. All have one data set and one network. */
  async write(coming: readonly ComingRun[]): Promise<void> {
    if (!this.#isWritten) return;
    const runs = await Promise.all(coming.map((run) => this.#named(run)));
    const { config } = runs.find((_, k) => coming[k]!.id === undefined) ?? runs[0]!;
    const dataset = await datasetOf(config);
    const material = { dataset, ...(await runNetwork(config, dataset)) };
    const materials = new Map(runs.map(({ id }) => [id, material]));
    const { runMs } = estimateSweep(runs, materials, entriesBelow(this.#place.root));
    this.writeRuns(
      runs.map(({ id, config: own }, k) => ({
        id,
        config: { ...own },
        seed: own.seed,
        estimateMs: Math.round(runMs[k]!),
      })),
    );
  }

  /** The same of runs whose times are estimated. */
  writeRuns(runs: readonly PlannedRun[]): void {
    if (!this.#isWritten) return;
    this.#runs = runs;
    for (const folder of [path.dirname(this.#own), this.#own]) makeOwnFolder(folder);
    this.#record({});
  }

  /** Nothing of it waits any more. */
  end(): void {
    if (this.#runs.length > 0) this.#record({ cancelledT: Date.now() });
  }

  async #named({ config, id }: ComingRun): Promise<Required<ComingRun>> {
    if (id !== undefined) return { config, id };
    const digested = await withDigests(config);
    return { config: digested, id: path.basename(runFolderOf(identityOf(digested, this.#place))) };
  }

  #record(more: { readonly cancelledT?: number }): void {
    const { command, atATime, isAgain } = this.#options;
    writeSweepRecord(this.#own, {
      ...{ file: command, options: [], calledFrom: process.cwd(), executor: COMMAND },
      ...{ atATime, isAgain, owner: ownProcess(), submittedT: this.#submittedT, runs: this.#runs },
      ...more,
    });
  }
}
