/**
 * The screen as a job of an interactive shell. In the foreground it has the terminal; stopped it has given it back; behind
 * the shell it neither paints nor reads, but waits, stopped, as the system has every job do that reads there.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Changes of the terminal's picture; this file handles the keys. */
export interface JobScreen {
  /** Takes the terminal and paints everything; its size may be another one. */
  readonly enter: () => void;
  /** Gives the terminal back as it was. */
  readonly leave: () => void;
}

/** A stop that took less was none: the system stops no job that no shell could continue. */
const LEAST_STOP_MS = 20;

export class TerminalJob {
  readonly #screen: JobScreen;
  /** Continuations already handled whose signal is still to come. */
  #continuationCount = 0;

  constructor(screen: JobScreen) {
    this.#screen = screen;
  }

  /**
   * Takes the terminal once the job is in the foreground.
   * @throws Error if it is in the background and no shell can bring it forward
   */
  start(): void {
    process.on("SIGTSTP", this.#stopped);
    process.on("SIGCONT", this.#continued);
    this.#take();
  }

  /** Gives the terminal back for good. */
  end(): void {
    process.off("SIGTSTP", this.#stopped);
    process.off("SIGCONT", this.#continued);
    this.#give();
  }

  /** Ctrl-Z, which is a key like any other while keys are read: stops all processes of the job, as a terminal does. */
  suspend(): void {
    this.#suspend(0);
  }

  readonly #stopped = () => this.#suspend(process.pid);

  /** @param target process to be stopped; 0: all of the job */
  #suspend(target: number): void {
    this.#give();
    // without a handler the signal stops this process; it returns once the process is continued
    process.off("SIGTSTP", this.#stopped);
    this.#stop(target, "SIGTSTP");
    process.on("SIGTSTP", this.#stopped);
    this.#take();
  }

  /** After a stop that no program hears of (SIGSTOP): the shell has written over the picture. */
  readonly #continued = () => {
    if (this.#continuationCount > 0) {
      this.#continuationCount--;
      return;
    }
    this.#waitForForeground();
    this.#give();
    this.#take();
  };

  #take(): void {
    this.#waitForForeground();
    readsKeys(true);
    this.#screen.enter();
  }

  #waitForForeground(): void {
    while (!isInForeground()) {
      if (this.#stop(0, "SIGTTOU")) continue;
      throw new Error(
        "the screen needs the terminal, and this is a job in the background: --plain prints lines there",
      );
    }
  }

  /** Returns when the process is continued. @returns false: nothing stopped it */
  #stop(target: number, signal: NodeJS.Signals): boolean {
    const startMs = performance.now();
    process.kill(target, signal);
    const wasStopped = performance.now() - startMs > LEAST_STOP_MS;
    if (wasStopped) this.#continuationCount++;
    return wasStopped;
  }

  #give(): void {
    this.#screen.leave();
    readsKeys(false);
  }
}

/** Sets raw mode or the shell's mode. If another process has changed the mode, Node's remembered mode is wrong. */
function readsKeys(raw: boolean): void {
  if (process.stdin.isTTY !== true) return;
  if (raw) process.stdin.setRawMode(false);
  process.stdin.setRawMode(raw);
}

/** Whether this job has the terminal; also true without a controlling terminal, or if the system does not say. */
function isInForeground(): boolean {
  const [group, foreground] = processGroups() ?? [];
  return group === undefined || !(foreground! > 0) || group === foreground;
}

/** The group of this process, and the foreground group of its terminal. @see proc(5), ps(1) */
function processGroups(): [number, number] | undefined {
  const groups = fromProc() ?? fromPs();
  return groups?.length === 2 && groups.every(Number.isSafeInteger) ? [groups[0]!, groups[1]!] : undefined;
}

function fromProc(): number[] | undefined {
  try {
    const text = readFileSync("/proc/self/stat", "utf8");
    // the second field is the command's name, which may hold blanks and brackets
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return [Number(fields[2]), Number(fields[5])];
  } catch {
    return undefined;
  }
}

function fromPs(): number[] {
  const { stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", `${process.pid}`], { encoding: "utf8" });
  return (stdout ?? "").trim().split(/\s+/).map(Number);
}
