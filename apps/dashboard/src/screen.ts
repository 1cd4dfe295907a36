/**
 * The live screen: watcher and keys change a pure state, and the terminal shows the changed lines of its frame. Ink
 * reads the keys and draws nothing: docs/dashboard.md explains why, with figures.
 */
import { describeFailure, processLives, type RunEntry, type SweepEntry } from "@phew/runs";
import { isUtf8Locale } from "@phew/runs/text";
import type { DashboardAction, QuitAnswer } from "./actions.ts";
import { asciiRows } from "./ascii.ts";
import type { DashboardState } from "./dashboardState.ts";
import { readsNotes } from "./filteredRuns.ts";
import { frameRows } from "./frame.ts";
import { failureNotice, guardedUpdate } from "./guardedUpdate.ts";
import { TerminalJob } from "./jobControl.ts";
import { actionOf } from "./keyActions.ts";
import type { KeyPress } from "./keys.ts";
import { mouseActions } from "./mouse.ts";
import { paintedFrame } from "./paintedFrame.ts";
import { restoreTerminalAtEnd } from "./restoreTerminal.ts";
import { RunWatcher } from "./runWatcher.ts";
import { copied, savedAs } from "./saveAndCopy.ts";
import { isNews } from "./screenNews.ts";
import { type StyledRow, unstyledRows } from "./styledText.ts";
import { type SweepAnswer, sweepAtHand } from "./sweepAnswers.ts";
import { startSweepProcess } from "./sweepProcess.ts";
import { FullScreen } from "./terminal.ts";
import { type Palette, paletteOf, type ThemeName, themeNamed } from "./themes.ts";
import { initialDashboard } from "./update.ts";
import { type ViewName, viewNamed } from "./views/registry.ts";
import { isWorkOver } from "./workOver.ts";

export interface ScreenOptions {
  readonly folder: string;
  /** True if the folder may be created later: it is the default one, and the user has not named it. */
  readonly mayBeMissing?: boolean;
  /** True: the screen uses ASCII only. Default: true if the locale is not UTF-8. */
  readonly ascii?: boolean;
  /** Default: the theme that `PHEW_THEME` names, else the terminal's own colours. */
  readonly theme?: ThemeName;
  /** Which runs are shown, unless all are. */
  readonly isShown?: ((run: RunEntry) => boolean) | undefined;
  /** The command `phew`, by which sweeps are started and stopped; without it they are only shown. */
  readonly phew?: readonly string[] | undefined;
  /** Process of the run that was started with the screen. */
  readonly startedPid?: number | undefined;
  /** The first view; default: the overview. */
  readonly view?: ViewName | undefined;
}

/** How the screen ended. */
export interface WatchEnd {
  /** 0 the user quit, 1 failed, 128 + n a signal n. */
  readonly exitCode: number;
  /** What to do on quitting with the run that was started with the screen; absent: nothing, it continues. */
  readonly answer?: QuitAnswer | undefined;
  /** True: the user quit, and the runs that were started with the screen were over. */
  readonly isOver?: boolean;
}

/** Shortest interval between two reads of new events; a frame follows if there were some. */
const POLL_MS = 100;
/** Shortest interval between two frames. */
const FRAME_MS = 70;
/** Largest share of a core for reading and drawing, less if the computer is busy; keys are handled at once. */
const WORK_SHARE = 0.02;
/** Milliseconds of work that may exceed this share for a short time, so that a pruning of one second has many frames. */
const BURST_MS = 1000;
/** The share while the events of runs are read that the user has just chosen. */
const READING_SHARE = 0.5;
/** Longest time for listing runs before the first frame, and in later refreshes; a slow list continues afterwards. */
const FIRST_LIST_MS = 120;
const LIST_MS = 50;
const SLOWEST_MS = 2000;

/** Actions after which more files may have to be read. */
const READ_FOR: readonly DashboardAction["kind"][] = ["marked", "viewChosen", "viewMoved"];

/** At the first SIGINT a run finishes its step, keeps a checkpoint and ends. */
const SIGNAL_OF_ANSWER = { leave: undefined, stop: "SIGINT", kill: "SIGKILL" } as const;

/**
 * Shows the dashboard until the user quits, or `closing` is aborted.
 * @throws ArgumentError if the path is not a folder
 */
export async function showScreen(options: ScreenOptions, closing?: AbortSignal): Promise<WatchEnd> {
  const screen = new FullScreen(process.stdout);
  const session = new Session(screen, options);
  restoreTerminalAtEnd(screen, (exitCode) => session.end({ exitCode }));
  closing?.addEventListener("abort", () => session.end({ exitCode: 0 }));
  const stop = session.start();
  try {
    return await session.finished;
  } finally {
    stop();
  }
}

/** A session of the screen: the state, its changes, and its frames. */
class Session {
  readonly finished: Promise<WatchEnd>;
  readonly #watcher: RunWatcher;
  readonly #screen: FullScreen;
  readonly #job: TerminalJob;
  readonly #isAscii: boolean;
  readonly #theme: ThemeName;
  /** False: no styles. */
  readonly #palette: Palette | false;
  readonly #phew: readonly string[] | undefined;
  #state: DashboardState;
  #isFrameDue = true;
  /** The frame that the terminal shows. */
  #frame: readonly StyledRow[] = [];
  #answer: QuitAnswer | undefined;
  readonly #startedT = Date.now();
  #drawnMs = -FRAME_MS;
  #drawTimer: NodeJS.Timeout | undefined;
  #polledMs = performance.now();
  /** Milliseconds of work before the next pause. */
  #creditMs = BURST_MS;
  #finish: (end: WatchEnd) => void = () => {};

  constructor(screen: FullScreen, options: ScreenOptions) {
    const { folder, mayBeMissing = false, startedPid, view, isShown } = options;
    const variable = process.env.PHEW_THEME;
    this.#isAscii = options.ascii ?? !isUtf8Locale(process.env);
    this.#theme = options.theme ?? (variable ? themeNamed(variable, "PHEW_THEME") : "terminal");
    this.#palette = process.stdout.hasColors() && paletteOf(this.#theme, process.stdout.getColorDepth());
    this.#phew = options.phew;
    this.#watcher = new RunWatcher(folder, mayBeMissing, isShown);
    this.#screen = screen;
    screen.mouse = true;
    this.#job = new TerminalJob({ enter: () => this.#enter(), leave: () => screen.close() });
    this.#state = initialDashboard(folder, Date.now(), {
      startedPid,
      ...(view === undefined ? {} : { view: viewNamed(view) }),
    });
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Draws the first frame and keeps it up to date until the function it gives is called, which gives the terminal back. */
  start(): () => void {
    this.#watch(FIRST_LIST_MS);
    this.#job.start();
    const resize = () => this.#resize();
    process.stdout.on("resize", resize);
    let isStopped = false;
    let timer: NodeJS.Timeout;
    const poll = () => {
      timer = setTimeout(poll, this.#poll());
    };
    timer = setTimeout(poll, POLL_MS);
    let stopKeys = () => {};
    // Ink loads slowly, so it is loaded after the first frame
    void import("./keyboard.tsx").then(({ readKeys }) => {
      if (!isStopped) stopKeys = readKeys((press) => this.#press(press));
    });
    return () => {
      isStopped = true;
      clearTimeout(timer);
      clearTimeout(this.#drawTimer);
      process.stdout.off("resize", resize);
      stopKeys();
      this.#job.end();
    };
  }

  /** Paints everything for the present size of the terminal: a stopped job gets no event of a change. */
  #enter(): void {
    this.#screen.open();
    this.#isFrameDue = true;
    this.#draw();
    process.kill(process.pid, "SIGWINCH");
  }

  end(end: WatchEnd): void {
    this.#finish(end);
  }

  /** @returns milliseconds until the next look */
  #poll(): number {
    const startMs = performance.now();
    this.#watch();
    const isReading = this.#isReading;
    this.#drawSoon();
    const endMs = performance.now();
    const tookMs = endMs - startMs;
    if (isReading) return tookMs * (1 / READING_SHARE - 1);
    this.#creditMs = Math.min(BURST_MS, this.#creditMs + WORK_SHARE * (endMs - this.#polledMs)) - tookMs;
    this.#polledMs = endMs;
    return Math.min(SLOWEST_MS, Math.max(POLL_MS, -this.#creditMs / WORK_SHARE));
  }

  get #isReading(): boolean {
    const { shown, overlays } = this.#state;
    return !this.#watcher.isListed || [...overlays, ...(shown ? [shown] : [])].some((run) => run.loaded < 1);
  }

  /** Reads new data; an error is shown, and the next refresh tries again. */
  #watch(listMs = LIST_MS): void {
    try {
      this.#look(listMs);
    } catch (error) {
      this.#dispatch({ kind: "noticed", text: describeFailure(error).message });
    }
  }

  #look(listMs: number): void {
    const now = Date.now();
    const { selected, marked } = this.#state;
    this.#watcher.refresh(now, listMs);
    const share = 1 / (marked.length + 1);
    const overlays = marked.flatMap((folder) =>
      folder === undefined ? [] : [this.#watcher.follow(folder, share)],
    );
    const shown = selected === undefined ? undefined : this.#watcher.follow(selected, share);
    if (selected !== undefined && this.#state.view.readsUnits) this.#watcher.readUnits(selected);
    if (selected !== undefined && this.#state.view.readsOutput) this.#watcher.readOutput(selected);
    this.#watcher.readNotes(now, readsNotes(this.#state.filter));
    const { runs, isListed, sweeps, notes } = this.#watcher;
    const seen = { kind: "watched", runs, isListed, sweeps, notes, overlays, now, shown } as const;
    if (isNews(this.#state, seen)) this.#dispatch(seen);
    // a run just chosen is shown at once
    if (this.#state.selected !== undefined && this.#state.selected !== selected) this.#look(listMs);
  }

  #press(press: KeyPress): void {
    if (press.name === "ctrl+z") this.#job.suspend();
    try {
      this.#actOn(press);
    } catch (error) {
      this.#dispatch({ kind: "noticed", text: failureNotice(error) });
    }
    this.#drawSoon();
  }

  #actOn(press: KeyPress): void {
    const { columns, rows } = this.#screen;
    const actions = press.mouse
      ? mouseActions(this.#state, press.mouse, columns, rows)
      : [actionOf(this.#state, press)].filter((action) => action !== undefined);
    for (const action of actions) this.#act(action);
  }

  #act(action: DashboardAction): void {
    if (action.kind === "answered") this.#carryOut(action.answer);
    const sweep = action.kind === "sweepAnswered" ? sweepAtHand(this.#state) : undefined;
    this.#dispatch(this.#effective(action));
    if (sweep && action.kind === "sweepAnswered") this.#controlSweep(sweep, action.answer);
    this.#screen.mouse = this.#state.mouse;
    const isRead = this.#state.selected === this.#state.shown?.folder;
    if (!isRead || READ_FOR.includes(action.kind)) this.#watch();
  }

  /** Quitting asks first if a run of ours is in progress; frames are saved and texts copied here. */
  #effective(action: DashboardAction): DashboardAction {
    if (action.kind === "frameSaved") return { kind: "noticed", text: this.#save() };
    if (action.kind === "copied") return { kind: "noticed", text: this.#copy(action.what) };
    return action.kind === "quit" && this.#asks() ? { kind: "asked" } : action;
  }

  /** Saves the present frame in files and shows their names. */
  #save(): string {
    return savedAs(this.#palette ? this.#frame : unstyledRows(this.#frame), this.#theme);
  }

  #copy(what: "id" | "path"): string {
    return copied(this.#screen, this.#state.selected, what);
  }

  /** True if the work that was started with the screen is still in progress, and not only what its process does at its end. */
  #asks(): boolean {
    const { startedPid } = this.#state;
    return startedPid !== undefined && processLives(startedPid) && !this.#isOver();
  }

  #isOver(): boolean {
    return isWorkOver(this.#watcher.runs, this.#startedT);
  }

  /** Starts, retries or cancels a sweep by a process of its own. */
  #controlSweep(sweep: SweepEntry, answer: SweepAnswer): void {
    const notify = (text: string) => {
      this.#dispatch({ kind: "noticed", text });
      this.#drawSoon();
    };
    if (this.#phew) startSweepProcess(this.#phew, sweep, answer, notify);
    else notify("this screen was not opened by phew, and does not know where it is");
  }

  #carryOut(answer: QuitAnswer): void {
    const signal = SIGNAL_OF_ANSWER[answer];
    this.#answer = answer;
    const { startedPid } = this.#state;
    if (signal === undefined || startedPid === undefined) return;
    try {
      process.kill(startedPid, signal);
    } catch {
      // it has ended meanwhile
    }
  }

  #dispatch(action: DashboardAction): void {
    const next = guardedUpdate(this.#state, action);
    if (next === this.#state) return;
    this.#state = next;
    this.#isFrameDue = true;
    if (next.quitting) this.end({ exitCode: 0, answer: this.#answer, isOver: this.#isOver() });
  }

  #resize(): void {
    this.#screen.forget();
    this.#isFrameDue = true;
    this.#drawSoon();
  }

  /** Draws at once if the last frame is old enough, else as soon as it is. */
  #drawSoon(): void {
    if (this.#drawTimer !== undefined) return;
    const waitMs = this.#drawnMs + FRAME_MS - performance.now();
    if (waitMs <= 0) this.#draw();
    else {
      this.#drawTimer = setTimeout(() => {
        this.#drawTimer = undefined;
        this.#draw();
      }, waitMs);
    }
  }

  #draw(): void {
    if (!this.#isFrameDue) return;
    this.#isFrameDue = false;
    this.#drawnMs = performance.now();
    const { columns, rows } = this.#screen;
    const frame = frameRows(this.#state, columns, rows);
    this.#frame = this.#isAscii ? asciiRows(frame) : frame;
    this.#screen.paint(paintedFrame(this.#frame, this.#palette));
  }
}
