/** Tasks as one job array of Slurm: `sbatch` takes them, `squeue` is only asked for what still waits there. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ArgumentError, counted, errorCode } from "@phew/core/messages";
import { makeOwnFolder, replaceFile } from "../replaceFile.ts";
import type { ExecutorStatus, SweepExecutor } from "./executor.ts";
import { ARRAYS_FILE, JOB_ID, readArrays, type SubmittedArray } from "./slurmArrays.ts";
import { slurmScript } from "./slurmScript.ts";
import { logFile, requireLogPlace, type SweepTask } from "./tasks.ts";

export interface SlurmExecutorSettings {
  /** The sweep's own folder, absolute; see `sweepFolder`. */
  readonly folder: string;
  /** Shown by `squeue`. */
  readonly jobName: string;
  /** Cores of each task. */
  readonly threadCount: number;
  readonly throttle?: number | undefined;
  /** Options of `sbatch`; they go before ours of the same name. */
  readonly sbatch: readonly string[];
}

interface QueuedElement {
  readonly id: string;
  /** `RUNNING`, `PENDING` … */
  readonly state: string;
  readonly reason: string;
}

/** Seconds before the time limit at which a task gets the signal to write its checkpoint. */
const WARNING_SECONDS = 120;
/** Options that define the array; sbatch accepts any unambiguous beginning of a name. */
const OWN_OPTIONS = [
  "array",
  "parsable",
  "wrap",
  "wait",
  "test-only",
  "requeue",
  "no-requeue",
  "help",
  "usage",
  "version",
];
/**
 * Options without a value. Any other without one would take the next word (our own option, or the script) as its
 * value.
 */
const FLAGS = [
  "contiguous",
  "exclusive",
  "get-user-env",
  "hold",
  "ignore-pbs",
  "nice",
  "no-kill",
  "overcommit",
  "oversubscribe",
  "propagate",
  "quiet",
  "reboot",
  "spread-job",
  "stepmgr",
  "use-min-nodes",
  "verbose",
];
const OPTION = /^--([a-z][a-z\d-]*)(=(.*))?$/s;
const OUTPUT_LIMIT = 2 ** 26;
const run = promisify(execFile);

export function slurm(settings: SlurmExecutorSettings): SweepExecutor {
  const { folder } = settings;
  const recordFile = join(folder, ARRAYS_FILE);
  const submitted = () => readArrays(folder);
  return {
    name: "slurm",
    logs: (task) => logFile(folder, task.id),

    async ready() {
      requireForeignOptions(settings.sbatch);
      await command("sbatch", ["--version"]);
    },

    async submit(tasks) {
      const earlier = submitted();
      const inHand = new Set((await queuedElements(earlier)).map(({ id }) => id));
      const chosen = tasks.filter(({ id }) => !inHand.has(id));
      const already = inHand.size > 0 ? `; ${count(inHand.size)} in the queue already` : "";
      if (chosen.length === 0)
        return { ended: false, text: `nothing to submit${already}`, failures: new Map() };
      const arrays = await submitArrays(chosen, settings, (made) => {
        // the queue is only asked for arrays that may still be in it
        const live = earlier.filter(({ ids }) => ids.some((id) => inHand.has(id)));
        replaceFile(recordFile, `${JSON.stringify({ arrays: [...live, ...made] }, undefined, 1)}\n`);
      });
      const jobs = arrays.map(({ jobId }) => jobId).join(", ");
      const text = `${count(chosen.length)} submitted as job ${jobs}${already}`;
      return { ended: false, text, failures: new Map() };
    },

    async status(): Promise<ExecutorStatus | undefined> {
      const arrays = submitted();
      if (arrays.length === 0) return undefined;
      const jobs = `job ${arrays.map(({ jobId }) => jobId).join(", ")} of Slurm`;
      let elements: QueuedElement[];
      try {
        elements = await queuedElements(arrays);
      } catch (error) {
        // the run folders are sufficient without it
        if (!(error instanceof ArgumentError)) throw error;
        const text = `${jobs}: the queue cannot be asked from here (${error.fault.given})`;
        return { active: false, queued: new Set(), text };
      }
      return {
        active: elements.length > 0,
        queued: new Set(elements.map(({ id }) => id)),
        text: elements.length > 0 ? `${jobs}: ${describeQueue(elements)}` : `${jobs}: nothing in the queue`,
      };
    },

    async cancel() {
      const arrays = submitted();
      const elements = await queuedElements(arrays);
      if (elements.length === 0) return "nothing of it is in the queue of Slurm";
      await command(
        "scancel",
        arrays.map(({ jobId }) => jobId),
      );
      return `cancelled ${count(elements.length)} in the queue of Slurm`;
    },
  };
}

/** Tasks beyond an array's limit go into further arrays, one after the other if there is a throttle. */
async function submitArrays(
  tasks: readonly SweepTask[],
  settings: SlurmExecutorSettings,
  keep: (arrays: readonly SubmittedArray[]) => void,
): Promise<SubmittedArray[]> {
  const { folder, jobName, threadCount, throttle, sbatch } = settings;
  for (const own of [folder, join(folder, "logs")]) makeOwnFolder(own);
  for (const task of tasks) requireLogPlace(logFile(folder, task.id));
  const scriptFile = join(folder, "job.sh");
  replaceFile(
    scriptFile,
    slurmScript(tasks, (task) => logFile(folder, task.id)),
  );
  const most = await greatestArraySize();
  const arrays: SubmittedArray[] = [];
  for (let start = 0; start < tasks.length; start += most) {
    const ids = tasks.slice(start, start + most).map(({ id }) => id);
    const before = throttle === undefined ? undefined : arrays.at(-1)?.jobId;
    const options = [
      "--parsable",
      `--job-name=${jobName}`,
      `--cpus-per-task=${threadCount}`,
      "--open-mode=append",
      // a percent sign would begin a pattern
      `--output=${join(folder, "logs", "slurm").replaceAll("%", "%%")}-%A_%a.log`,
      `--signal=B:USR1@${WARNING_SECONDS}`,
      "--requeue",
      ...(before === undefined ? [] : [`--dependency=afterany:${before}`]),
      // the later of two options of one name counts
      ...sbatch,
      `--array=0-${ids.length - 1}${throttle === undefined ? "" : `%${throttle}`}`,
    ];
    const answer = await command("sbatch", [...options, scriptFile, `${start}`]);
    // "12" or "12;cluster"
    const jobId = answer.trim().split(";")[0]!;
    if (!JOB_ID.test(jobId)) {
      throw new ArgumentError("sbatch", {
        given: `the answer "${answer.trim().slice(0, 80)}"`,
        expected: "the number of a job",
        remedy: "Look for the job with squeue, and cancel it where it is there.",
      });
    }
    arrays.push({ jobId, ids });
    keep(arrays);
  }
  return arrays;
}

async function greatestArraySize(): Promise<number> {
  const slurmConfig = await command("scontrol", ["show", "config"]);
  const size = Number(slurmConfig.match(/^MaxArraySize\s*=\s*(\d+)/m)?.[1] ?? 1001);
  return Math.max(1, size - 1);
}

/** What waits or runs of these arrays. */
async function queuedElements(arrays: readonly SubmittedArray[]): Promise<QueuedElement[]> {
  if (arrays.length === 0) return [];
  const jobs = arrays.map(({ jobId }) => jobId).join(",");
  let text: string;
  try {
    text = await command("squeue", ["--noheader", "--array", `--jobs=${jobs}`, "--format=%F|%K|%T|%r"]);
  } catch (error) {
    // Slurm forgets a job some minutes after its end
    if (error instanceof ArgumentError && /Invalid job id/i.test(error.fault.given)) return [];
    throw error;
  }
  return text
    .split("\n")
    .filter((line) => line.includes("|"))
    .flatMap((line) => {
      const [jobId, index, state, reason] = line.trim().split("|") as [string, string, string, string];
      const id = arrays.find((array) => array.jobId === jobId)?.ids[Number(index)];
      return id === undefined ? [] : [{ id, state, reason }];
    });
}

function describeQueue(elements: readonly QueuedElement[]): string {
  const byState = new Map<string, number>();
  for (const { state, reason } of elements) {
    const key = state === "PENDING" && reason !== "None" ? `pending (${reason})` : state.toLowerCase();
    byState.set(key, (byState.get(key) ?? 0) + 1);
  }
  return [...byState].map(([state, n]) => `${n} ${state}`).join(", ");
}

/**
 * Every option is `--name=value`, or one of those without a value: a single word would be taken for the script and
 * run in place of ours.
 */
function requireForeignOptions(options: readonly string[]): void {
  for (const option of options) {
    const [, name, equals, value = ""] = OPTION.exec(option) ?? [];
    const own = name === undefined ? undefined : OWN_OPTIONS.find((known) => known.startsWith(name));
    if (name === undefined || (equals === undefined && own === undefined && !FLAGS.includes(name))) {
      throw new ArgumentError("sbatch", {
        given: JSON.stringify(option.slice(0, 80)),
        expected:
          "options that begin with -- and have their value behind =, such as --partition=cpu or --time=02:00:00",
        remedy: /^-[a-zA-Z]/.test(option) ? "Write the long name: man sbatch lists them." : undefined,
      });
    }
    if (own !== undefined) {
      throw new ArgumentError("sbatch", {
        given: `"${option.slice(0, 80)}"`,
        expected: "options other than those that make the array",
        remedy: own === "array" ? "For fewer runs at a time set the throttle." : undefined,
      });
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (/[\u0000-\u001f\u007f]/.test(value)) {
      throw new ArgumentError("sbatch", {
        given: `${JSON.stringify(option.slice(0, 80))}, with a control character`,
        expected: "printable text",
      });
    }
  }
}

/** @throws ArgumentError with the program's output if it is missing or fails */
async function command(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(program, args, { maxBuffer: OUTPUT_LIMIT });
    return stdout;
  } catch (error) {
    if (errorCode(error) === "ENOENT") {
      throw new ArgumentError("slurm", {
        given: `a machine without ${program}`,
        expected: "one that submits to Slurm",
        remedy: "Log in to the cluster, or run the sweep here: --on pool.",
      });
    }
    const message = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new ArgumentError(program, {
      given: message.replaceAll(/\s*\n\s*/g, "; ").replace(/\.$/, ""),
      expected: "that it takes the request",
      remedy: "Check the options for sbatch, and that Slurm can be reached (sinfo).",
    });
  }
}

function count(runs: number): string {
  return counted(runs, "run");
}
