/** A terminal of a given size with a shell in it, for tests that use the dashboard as a person does. */
import { execFileSync, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

let terminalCount = 0;

export class Tmux {
  readonly #socket = `phew-${process.pid}-${terminalCount++}`;

  /** Starts a plain shell, as a person has it (without CI, which takes colours away); what is in `environment` is set for all its commands. */
  constructor(columns: number, rows: number, environment: Readonly<Record<string, string>> = {}) {
    // whatever the tests are run in, the screen is not in ASCII
    const settings = Object.entries({ LC_ALL: "C.UTF-8", ...environment }).flatMap(([name, value]) => [
      "-e",
      `${name}=${value}`,
    ]);
    const size = ["-x", `${columns}`, "-y", `${rows}`];
    this.#run("-f", "/dev/null", "new-session", "-d", ...size, ...settings, "env -u CI PS1='$ ' sh");
  }

  /** Presses keys, by the names tmux has for them. */
  keys(...names: readonly string[]): void {
    this.#run("send-keys", ...names);
  }

  /** Sends what a terminal sends, such as what the mouse did. */
  sends(text: string): void {
    this.#run("send-keys", "-l", text);
  }

  /** What a program has copied, where tmux is configured to let it. */
  copied(): string {
    return this.#run("show-buffer");
  }

  letCopy(): void {
    this.#run("set-option", "-s", "set-clipboard", "on");
  }

  /** Types text and presses Enter. */
  type(text: string): void {
    this.#run("send-keys", "-l", text);
    this.#run("send-keys", "Enter");
  }

  resize(columns: number, rows: number): void {
    this.#run("resize-window", "-x", `${columns}`, "-y", `${rows}`);
  }

  /** What is on the screen now. */
  screen(): string[] {
    return this.#run("capture-pane", "-p").split("\n").slice(0, -1);
  }

  /** With the escape sequences of colours and styles. */
  styledScreen(): string {
    return this.#run("capture-pane", "-p", "-e");
  }

  /** A format variable of tmux: `alternate_on`, `cursor_flag`. */
  variable(name: string): string {
    return this.#run("display-message", "-p", `#{${name}}`).trim();
  }

  /** Waits until the screen shows the pattern. @throws where that takes longer */
  async shows(pattern: RegExp, longestMs = 120_000): Promise<string> {
    const endT = Date.now() + longestMs;
    for (;;) {
      const text = this.screen().join("\n");
      if (pattern.test(text)) return text;
      if (Date.now() > endT) throw new Error(`the screen never showed ${pattern}:\n${text}`);
      await delay(50);
    }
  }

  close(): void {
    spawnSync("tmux", ["-L", this.#socket, "kill-server"]);
  }

  #run(...args: readonly string[]): string {
    return execFileSync("tmux", ["-L", this.#socket, ...args], { encoding: "utf8" });
  }
}
