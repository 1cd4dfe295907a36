/**
 * Executes the tasks of a sweep. States are always read from the run folders; an executor adds which tasks are in
 * work.
 */
import type { SweepTask } from "./tasks.ts";

export interface SubmitOptions {
  /** If it fires, running tasks are asked to stop at a checkpoint. */
  readonly signal: AbortSignal;
  /** Called now and then while tasks run. */
  readonly onTick?: () => void;
  /** Called with all failures by now, by id, when there is another. */
  readonly onFailure?: (failures: ReadonlyMap<string, string>) => void;
}

export interface Submission {
  /** True if all tasks have ended on return; false if they continue without this process. */
  readonly ended: boolean;
  /** Summary for people; without a full stop. */
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
  /**
   * Checks its requirements before anything is written. @throws ArgumentError if tasks cannot be submitted from here
   */
  ready?(): Promise<void>;
  /** Executes the tasks in order. @throws ArgumentError if it cannot; signal.reason */
  submit(tasks: readonly SweepTask[], options: SubmitOptions): Promise<Submission>;
  /** The submitted tasks; undefined if nothing was ever submitted. */
  status(): Promise<ExecutorStatus | undefined>;
  /** Stops the submitted tasks; runs stop at a checkpoint and can be resumed. @returns a summary */
  cancel(tasks: readonly SweepTask[]): Promise<string>;
  /** The file with a task's output. */
  logs(task: SweepTask): string;
}
