/** The live screen: watcher and keys change a pure state, Ink draws it, the terminal shows the lines that changed. */
import { EventEmitter } from "node:events";
import { type Key, render, useInput } from "ink";
import type { ReactElement } from "react";
import { Dashboard } from "./dashboard.tsx";
import { type DashboardAction, initialDashboard, update } from "./dashboardState.ts";
import { actionOf, type KeyPress } from "./keys.ts";
import { RunWatcher } from "./runWatcher.ts";
import { FullScreen } from "./terminal.ts";

/** New events are looked for at most this often, and a frame follows where there were some. */
const POLL_MS = 100;
/** Looking and drawing take at most this part of a core, less where the machine is busy; keys are answered at once. */
const WORK_SHARE = 0.05;
const SLOWEST_MS = 2000;

const EXIT_OF_SIGNAL = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Shows the dashboard until the user quits.
 * @returns the exit code
 * @throws ArgumentError where `root` is no folder
 */
export async function showScreen(root: string): Promise<number> {
  const watcher = new RunWatcher(root);
  const screen = new FullScreen(process.stdout);
  let state = initialDashboard(root, Date.now());
  let frameDue = true;
  let finish: (code: number) => void = () => {};
  const finished = new Promise<number>((resolve) => {
    finish = resolve;
  });

  const dispatch = (action: DashboardAction) => {
    const next = update(state, action);
    if (next === state) return;
    state = next;
    frameDue = true;
    if (state.quitting) finish(0);
  };
  const watch = () => {
    const now = Date.now();
    watcher.refresh(now);
    const shown = state.selected === undefined ? undefined : watcher.follow(state.selected);
    const before = state.selected;
    // estimates count down by the second, the clock by the minute
    const tick = watcher.runs.some((run) => run.life === "running") ? 1000 : 60_000;
    const isNews =
      watcher.runs !== state.runs ||
      shown?.state !== state.shown?.state ||
      shown?.loaded !== state.shown?.loaded ||
      Math.floor(now / tick) !== Math.floor(state.now / tick);
    if (isNews) dispatch({ kind: "watched", runs: watcher.runs, now, ...(shown ? { shown } : {}) });
    // a run just chosen is shown at once
    if (state.selected !== undefined && state.selected !== before) watch();
  };
  const press = (keyPress: KeyPress) => {
    const action = actionOf(state, keyPress);
    if (!action) return;
    dispatch(action);
    if (state.selected !== state.shown?.folder) watch();
    draw();
  };
  const element = () => (
    <Keyed onKey={press}>
      <Dashboard state={state} columns={screen.columns} rows={screen.rows} />
    </Keyed>
  );
  const draw = () => {
    if (!frameDue) return;
    frameDue = false;
    ink.rerender(element());
  };

  watch();
  screen.open();
  const onFailure = (error: unknown) => {
    screen.close();
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  };
  const restore = () => screen.close();
  process.on("exit", restore);
  process.on("uncaughtException", onFailure);
  process.on("unhandledRejection", onFailure);
  for (const signal of Object.keys(EXIT_OF_SIGNAL) as (keyof typeof EXIT_OF_SIGNAL)[]) {
    process.on(signal, () => finish(EXIT_OF_SIGNAL[signal]));
  }
  // the terminal is gone: nobody is left to show anything to
  process.stdout.on("error", () => process.exit(1));

  const ink = render(element(), {
    stdout: frameSink(screen) as unknown as NodeJS.WriteStream,
    stdin: process.stdin,
    // every frame comes whole, and painting it is left to the full screen
    debug: true,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  ink.waitUntilExit().catch(onFailure);
  const resize = () => {
    screen.forget();
    frameDue = true;
    draw();
  };
  process.stdout.on("resize", resize);
  let nextMs = 0;
  const poll = setInterval(() => {
    const startMs = performance.now();
    if (startMs < nextMs) return;
    watch();
    draw();
    nextMs = startMs + Math.min(SLOWEST_MS, (performance.now() - startMs) / WORK_SHARE);
  }, POLL_MS);

  const code = await finished;
  clearInterval(poll);
  process.stdout.off("resize", resize);
  ink.unmount();
  screen.close();
  return code;
}

/** Ink's output: whole frames, handed to the full screen. */
function frameSink(screen: FullScreen): object {
  return Object.assign(new EventEmitter(), {
    get columns() {
      return screen.columns;
    },
    get rows() {
      return screen.rows;
    },
    // nothing but frames is to come this way
    isTTY: false,
    write(frame: string, done?: () => void): boolean {
      if (frame !== "") screen.paint(frame);
      done?.();
      return true;
    },
  });
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
