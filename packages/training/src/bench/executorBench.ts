/** Runs a task's rounds with one executor, in its own process. */
import type { Batch } from "../executor.ts";
import { type LayerTime, medianStep, type ProfiledExecutor } from "./profiled.ts";
import type { BenchTask, Round, Stretch } from "./task.ts";

/** A profile is the median of at least so many steps and milliseconds. */
const PROFILE_STEPS = 5;
const PROFILE_MS = 300;

export class ExecutorBench {
  readonly #executor: ProfiledExecutor;
  readonly #task: BenchTask;
  readonly #batch: Batch;
  readonly #now: () => number;

  /** @param now milliseconds of a clock that never goes back */
  constructor(executor: ProfiledExecutor, task: BenchTask, batch: Batch, now: () => number) {
    this.#executor = executor;
    this.#task = task;
    this.#batch = batch;
    this.#now = now;
  }

  async warmUp(): Promise<void> {
    await this.#run(this.#task.warmUp);
  }

  async round(): Promise<Round> {
    return this.#run(this.#task.round);
  }

  /** In evaluation mode, row-major. */
  async outputs(): Promise<Float32Array> {
    return this.#executor.predict(this.#batch.x, this.#batch.count);
  }

  /** Undefined if the executor does not report it. */
  async profile(): Promise<readonly LayerTime[] | undefined> {
    const executor = this.#executor;
    if (executor.startTiming === undefined || executor.endTiming === undefined) return undefined;
    const steps: (readonly LayerTime[])[] = [];
    const end = this.#now() + PROFILE_MS;
    while (steps.length < PROFILE_STEPS || this.#now() < end) {
      executor.startTiming();
      await this.#step();
      steps.push(executor.endTiming());
    }
    const times = medianStep(steps);
    return times.length === 0 ? undefined : times;
  }

  async #run({ stepCount: leastCount, milliseconds: leastMs }: Stretch): Promise<Round> {
    const start = this.#now();
    for (let stepCount = 1; ; stepCount++) {
      await this.#step();
      const elapsed = this.#now() - start;
      if (stepCount >= leastCount && elapsed >= leastMs)
        return { seconds: elapsed / 1000, stepCount, imageCount: stepCount * this.#batch.count };
    }
  }

  async #step(): Promise<void> {
    if (this.#task.mode === "predict") await this.#executor.predict(this.#batch.x, this.#batch.count);
    else await this.#executor.step(this.#batch, this.#task.rate);
  }
}
