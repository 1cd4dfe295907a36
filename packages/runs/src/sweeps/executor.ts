/** What executes the tasks of a sweep. States are always read from the run folders; an executor only adds who works. */
import type { SweepTask } from "./tasks.ts";

export interface SubmitOptions {
  /** Where it fires, what runs is asked to stop at a checkpoint. */
  readonly signal: AbortSignal;
  /** Called now and then while tasks run. */
  readonly onTick?: () => void;
}

export interface Submission {
  /** True where all tasks have ended when it returns; false where they go on without this process. */
  readonly ended: boolean;
  /** What was done, for a person; ends without a full stop. */
  readonly text: string;
  /** Why tasks did not come to their end in this submission, by id. */
  readonly failures: ReadonlyMap<string, string>;
}

export interface ExecutorStatus {
  /** True where something will go on with unfinished tasks by itself. */
  readonly active: boolean;
  /** Ids of the tasks it has in hand, waiting or running. */
  readonly queued: ReadonlySet<string>;
  readonly text: string;
}

export interface SweepExecutor {
  readonly name: string;
  /** Looks for what it needs, before anything is written. @throws ArgumentError where tasks cannot be submitted from here */
  ready?(): Promise<void>;
  /** Has the tasks carried out, the first ones first. @throws ArgumentError where it cannot; signal.reason */
  submit(tasks: readonly SweepTask[], options: SubmitOptions): Promise<Submission>;
  /** What it has in hand; undefined where nothing was ever submitted. */
  status(): Promise<ExecutorStatus | undefined>;
  /** Stops what it has in hand; runs stop at a checkpoint and can be gone on with. @returns what was done */
  cancel(tasks: readonly SweepTask[]): Promise<string>;
  /** The file with what a task printed. */
  logs(task: SweepTask): string;
}
