/** The live screen: watcher and keys change a pure state, Ink draws it, the terminal shows the lines that changed. */
import { EventEmitter } from "node:events";
import { processLives } from "@phew/runs";
import { type Instance, type Key, render, useInput } from "ink";
import type { ReactElement } from "react";
import { asciiFrame } from "./ascii.ts";
import type { WatchOptions } from "./commandLine.ts";
import { Dashboard } from "./dashboard.tsx";
import {
  type DashboardAction,
  type DashboardState,
  initialDashboard,
  type QuitAnswer,
  type ShownRun,
  update,
} from "./dashboardState.ts";
import { actionOf, type KeyPress } from "./keys.ts";
import { RunWatcher } from "./runWatcher.ts";
import { saveFrame } from "./savedFrame.ts";
import { FullScreen } from "./terminal.ts";

/** New events are looked for at most this often, and a frame follows where there were some. */
const POLL_MS = 100;
/** Looking and drawing take at most this part of a core, less where the machine is busy; keys are answered at once. */
const WORK_SHARE = 0.05;
const SLOWEST_MS = 2000;

/** At the first SIGINT a run finishes its step, keeps a checkpoint and ends. */
const SIGNAL_OF_ANSWER = { leave: undefined, stop: "SIGINT", kill: "SIGKILL" } as const;

const EXIT_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Shows the dashboard until the user quits.
 * @returns the exit code
 * @throws ArgumentError where `root` is no folder
 */
export async function showScreen(
  root: string,
  options: Pick<WatchOptions, "ascii" | "startedPid">,
): Promise<number> {
  const screen = new FullScreen(process.stdout);
  const session = new Session(root, screen, options);
  screen.open();
  restoreInAnyCase(screen, session);
  const stop = session.start();
  try {
    return await session.finished;
  } finally {
    stop();
    screen.close();
  }
}

/** One person's look at the runs: the state, what changes it, and its frames. */
class Session {
  readonly finished: Promise<number>;
  readonly #watcher: RunWatcher;
  readonly #screen: FullScreen;
  readonly #sink: FrameSink;
  readonly #startedPid: number | undefined;
  #state: DashboardState;
  #isFrameDue = false;
  #exitCode = 0;
  #ink: Instance | undefined;
  #nextMs = 0;
  #finish: (code: number) => void = () => {};

  constructor(root: string, screen: FullScreen, options: Pick<WatchOptions, "ascii" | "startedPid">) {
    this.#sink = new FrameSink(screen, options.ascii);
    this.#startedPid = options.startedPid;
    this.#watcher = new RunWatcher(root);
    this.#screen = screen;
    this.#state = initialDashboard(root, Date.now());
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Draws the first frame and keeps it up to date until the function it gives is called. */
  start(): () => void {
    this.#watch();
    this.#ink = render(this.#element(), {
      stdout: this.#sink as unknown as NodeJS.WriteStream,
      stdin: process.stdin,
      // every frame comes whole, and painting it is left to the full screen
      debug: true,
      exitOnCtrlC: false,
      patchConsole: false,
    });
    // what a component throws ends Ink
    this.#ink.waitUntilExit().catch((error: unknown) => {
      process.emit("uncaughtException", error instanceof Error ? error : new Error(String(error)));
    });
    const resize = () => this.#resize();
    process.stdout.on("resize", resize);
    const poll = setInterval(() => this.#poll(), POLL_MS);
    return () => {
      clearInterval(poll);
      process.stdout.off("resize", resize);
      this.#ink?.unmount();
    };
  }

  /** Ends the session with this exit code. */
  end(code: number): void {
    this.#finish(code);
  }

  #poll(): void {
    const startMs = performance.now();
    if (startMs < this.#nextMs) return;
    this.#watch();
    this.#draw();
    this.#nextMs = startMs + Math.min(SLOWEST_MS, (performance.now() - startMs) / WORK_SHARE);
  }

  #watch(): void {
    const now = Date.now();
    const { selected } = this.#state;
    this.#watcher.refresh(now);
    const overlays = this.#state.marked.flatMap((folder) =>
      folder === undefined ? [] : [this.#watcher.follow(folder)],
    );
    const shown = selected === undefined ? undefined : this.#watcher.follow(selected);
    if (selected !== undefined && this.#state.view === "pruning") this.#watcher.readUnits(selected);
    if (this.#isNews(shown, overlays, now)) {
      const { runs } = this.#watcher;
      this.#dispatch({ kind: "watched", runs, overlays, now, ...(shown ? { shown } : {}) });
    }
    // a run just chosen is shown at once
    if (this.#state.selected !== undefined && this.#state.selected !== selected) this.#watch();
  }

  #isNews(shown: ShownRun | undefined, overlays: readonly ShownRun[], now: number): boolean {
    const { runs } = this.#watcher;
    const before = this.#state;
    // estimates count down by the second, the clock by the minute
    const tick = runs.some((run) => run.life === "running") ? 1000 : 60_000;
    return (
      runs !== before.runs ||
      shown?.state !== before.shown?.state ||
      shown?.loaded !== before.shown?.loaded ||
      shown?.units !== before.shown?.units ||
      overlays.length !== before.overlays.length ||
      overlays.some(({ state }, k) => state !== before.overlays[k]?.state) ||
      Math.floor(now / tick) !== Math.floor(before.now / tick)
    );
  }

  #press(press: KeyPress): void {
    const action = actionOf(this.#state, press);
    if (!action) return;
    if (action.kind === "answered") this.#carryOut(action.answer);
    this.#dispatch(this.#effective(action));
    const isRead = this.#state.selected === this.#state.shown?.folder;
    if (!isRead || action.kind === "marked" || action.kind === "viewChosen") this.#watch();
    this.#draw();
  }

  /** Quitting asks first where a run of ours goes on, and a frame is saved here. */
  #effective(action: DashboardAction): DashboardAction {
    if (action.kind === "frameSaved") return { kind: "noticed", text: this.#save() };
    return action.kind === "quit" && this.#asks() ? { kind: "asked" } : action;
  }

  /** Puts the present frame into files and says where. */
  #save(): string {
    const moment = new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
    let text: string;
    try {
      text = `saved as ${saveFrame(this.#sink.frame, `phew-screen-${moment}`).join(" and ")}`;
    } catch (error) {
      text = `not saved: ${error instanceof Error ? error.message : String(error)}`;
    }
    return text;
  }

  /** Whether there is a run of ours that quitting could end. */
  #asks(): boolean {
    return this.#startedPid !== undefined && processLives(this.#startedPid);
  }

  #carryOut(answer: QuitAnswer): void {
    const signal = SIGNAL_OF_ANSWER[answer];
    if (signal === undefined || this.#startedPid === undefined) return;
    this.#exitCode = EXIT_OF_SIGNAL.SIGINT;
    try {
      process.kill(this.#startedPid, signal);
    } catch {
      // it has ended meanwhile
    }
  }

  #dispatch(action: DashboardAction): void {
    const next = update(this.#state, action);
    if (next === this.#state) return;
    this.#state = next;
    this.#isFrameDue = true;
    if (next.quitting) this.end(this.#exitCode);
  }

  #resize(): void {
    this.#screen.forget();
    this.#isFrameDue = true;
    this.#draw();
  }

  #draw(): void {
    if (!this.#isFrameDue) return;
    this.#isFrameDue = false;
    this.#ink?.rerender(this.#element());
  }

  #element(): ReactElement {
    return (
      <Keyed onKey={(press) => this.#press(press)}>
        <Dashboard state={this.#state} columns={this.#screen.columns} rows={this.#screen.rows} />
      </Keyed>
    );
  }
}

/** The terminal is given back before anything is said, whatever ends the process. */
function restoreInAnyCase(screen: FullScreen, session: Session): void {
  const fail = (error: unknown) => {
    screen.close();
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  };
  process.on("exit", () => screen.close());
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  for (const [signal, code] of Object.entries(EXIT_OF_SIGNAL)) process.on(signal, () => session.end(code));
  // the terminal is gone: nobody is left to show anything to
  process.stdout.on("error", () => process.exit(1));
}

/** Ink's output: whole frames, handed to the full screen. */
class FrameSink extends EventEmitter {
  /** Nothing but frames is to come this way. */
  readonly isTTY = false;
  /** As it was shown last. */
  frame = "";
  readonly #screen: FullScreen;
  readonly #isAscii: boolean;

  constructor(screen: FullScreen, isAscii: boolean) {
    super();
    this.#screen = screen;
    this.#isAscii = isAscii;
  }

  get columns(): number {
    return this.#screen.columns;
  }

  get rows(): number {
    return this.#screen.rows;
  }

  write(frame: string, done?: () => void): boolean {
    if (frame !== "") {
      this.frame = this.#isAscii ? asciiFrame(frame) : frame;
      this.#screen.paint(this.frame);
    }
    done?.();
    return true;
  }
}

function Keyed(props: {
  readonly onKey: (press: KeyPress) => void;
  readonly children: ReactElement;
}): ReactElement {
  const { onKey } = props;
  useInput((input, key) => pressesOf(input, key).forEach(onKey), { isActive: process.stdin.isTTY === true });
  return props.children;
}

/** One press for each key: fast ones come together, and Esc with a key right behind it looks like Alt and that key. */
function pressesOf(input: string, key: Key): KeyPress[] {
  if (key.ctrl) return [{ name: `ctrl+${input}` }];
  const named = NAMED_KEYS.find(([flag]) => key[flag]);
  if (named) return [{ name: key.tab && key.shift ? "shift+tab" : named[1] }];
  const characters = [...input].map((text) =>
    text === "\r" || text === "\n" ? { name: "enter" } : { name: text, text },
  );
  return key.meta ? [{ name: "escape" }, ...characters] : characters;
}

const NAMED_KEYS = [
  ["upArrow", "up"],
  ["downArrow", "down"],
  ["leftArrow", "left"],
  ["rightArrow", "right"],
  ["pageUp", "pageup"],
  ["pageDown", "pagedown"],
  ["home", "home"],
  ["end", "end"],
  ["return", "enter"],
  ["escape", "escape"],
  ["tab", "tab"],
  ["backspace", "backspace"],
  ["delete", "backspace"],
] as const satisfies readonly (readonly [keyof Key, string])[];
