/** One of the programs that are timed against each other: a process of its own, asked for one round after the other. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ArgumentError, type ArgumentFault } from "@phew/core";
import type { LayerTime, PlannedMemory } from "../executor.ts";
import type { BenchTask, MemoryUse, Round } from "./task.ts";

export interface Contender {
  /** `sparse`, `PyTorch 2.13.0`. */
  readonly name: string;
  /** `wasm, 2 threads`, `channels last, 2 threads`. */
  readonly backend: string;
  readonly threadCount?: number;
  readonly plan?: PlannedMemory;
  round(): Promise<Round>;
  /** Undefined if it is unknown. */
  profile(): Promise<readonly LayerTime[] | undefined>;
  /** Outputs in evaluation mode, row-major. */
  outputs(): Promise<Float32Array>;
  /** Ends it. */
  finish(): Promise<MemoryUse>;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
}

/** A contender that cannot be had on this machine. */
export interface Unavailable {
  readonly unavailable: string;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A process's reply to its task. */
interface Start {
  readonly ready?: Pick<Contender, "name" | "backend" | "threadCount" | "plan">;
  readonly unavailable?: string;
  readonly failed?: string;
  readonly subject?: string;
  readonly fault?: ArgumentFault;
}

/**
 * Starts a process, sends its task and waits until it has warmed up.
 * @throws ArgumentError if the process reports that the task is not possible; Error if it fails; signal.reason
 */
export async function startContender(
  command: Command,
  task: BenchTask,
  payload: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<Contender | Unavailable> {
  signal?.throwIfAborted();
  const contender = new ProcessContender(command, signal);
  try {
    const start = (await contender.start(task, payload)) as Start;
    if (start.ready !== undefined) return contender.introducedAs(start.ready);
    contender.kill();
    if (start.unavailable !== undefined) return { unavailable: start.unavailable };
    if (start.subject !== undefined) throw new ArgumentError(start.subject, start.fault!);
    throw new Error(start.failed);
  } catch (error) {
    contender.kill();
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return { unavailable: `${command.program} is not installed` };
    throw error;
  }
}

/** Characters of a failed process's last output to show. */
const LAST_WORDS = 2000;

class ProcessContender implements Contender {
  name = "";
  backend = "";
  threadCount?: number;
  plan?: PlannedMemory;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<never>;
  readonly #abort: () => void;
  readonly #signal: AbortSignal | undefined;
  #errors = "";

  constructor({ program, args, environment }: Command, signal: AbortSignal | undefined) {
    this.#child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.#child.stdin.on("error", () => {}); // where it ends early, its answer or its exit says why
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-LAST_WORDS);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((_, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, killedBy) => reject(this.#lastWords(program, code, killedBy)));
    });
    this.#ended.catch(() => {}); // an unused rejection must not end the process; pending answers are rejected too
    this.#signal = signal;
    this.#abort = () => this.kill();
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  async start(task: BenchTask, payload: readonly Uint8Array[]): Promise<unknown> {
    const answer = this.#answer();
    const sent = (async () => {
      await this.#send(`${JSON.stringify(task)}\n`);
      for (const bytes of payload) await this.#send(bytes);
    })();
    // a process that cannot do its task answers before it has read all of it
    await Promise.race([sent, answer]);
    return answer;
  }

  introducedAs({ name, backend, threadCount, plan }: NonNullable<Start["ready"]>): this {
    this.name = name;
    this.backend = backend;
    if (threadCount !== undefined) this.threadCount = threadCount;
    if (plan !== undefined) this.plan = plan;
    return this;
  }

  async round(): Promise<Round> {
    return (await this.#ask("round")) as Round;
  }

  async profile(): Promise<readonly LayerTime[] | undefined> {
    return ((await this.#ask("profile")) as { times?: readonly LayerTime[] }).times;
  }

  async outputs(): Promise<Float32Array> {
    return Float32Array.from(((await this.#ask("outputs")) as { outputs: readonly number[] }).outputs);
  }

  async finish(): Promise<MemoryUse> {
    const memory = (await this.#ask("end")) as MemoryUse;
    this.kill();
    return memory;
  }

  kill(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#child.kill("SIGKILL");
  }

  async #ask(order: string): Promise<unknown> {
    const answer = this.#answer();
    await Promise.race([this.#send(`${order}\n`), answer]);
    const document = (await answer) as { failed?: string };
    if (document.failed !== undefined) throw new Error(`${this.name}: ${document.failed}`);
    return document;
  }

  async #answer(): Promise<unknown> {
    const next = await Promise.race([this.#lines.next(), this.#ended]);
    // at the end of output the process is about to exit, and its exit code says more
    return next.done ? this.#ended : JSON.parse(next.value);
  }

  #send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.#child.stdin.write(bytes, () => resolve()));
  }

  #lastWords(program: string, code: number | null, killedBy: string | null): Error {
    const words = this.#errors.trim().split("\n").slice(-3).join(" ");
    return new Error(
      `${this.name || program} ended (${killedBy ?? `exit code ${code}`})${words && `: ${words}`}`,
    );
  }
}
