/** The live screen: watcher and keys change a pure state, Ink draws it, the terminal shows the lines that changed. */
import { EventEmitter } from "node:events";
import { type Key, render, useInput } from "ink";
import type { ReactElement } from "react";
import { Dashboard } from "./dashboard.tsx";
import { type DashboardAction, initialDashboard, update } from "./dashboardState.ts";
import { actionOf, type KeyPress } from "./keys.ts";
import { RunWatcher } from "./runWatcher.ts";
import { FullScreen } from "./terminal.ts";

/** New events are looked for this often; a frame follows where something changed, so there are at most ten a second. */
const POLL_MS = 100;

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
    const isNews =
      watcher.runs !== state.runs ||
      shown?.state !== state.shown?.state ||
      shown?.loaded !== state.shown?.loaded ||
      Math.floor(now / 1000) !== Math.floor(state.now / 1000);
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
  const poll = setInterval(() => {
    watch();
    draw();
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
  useInput((input, key) => props.onKey(pressOf(input, key)), { isActive: process.stdin.isTTY === true });
  return props.children;
}

function pressOf(input: string, key: Key): KeyPress {
  if (key.ctrl) return { name: `ctrl+${input}` };
  if (key.upArrow) return { name: "up" };
  if (key.downArrow) return { name: "down" };
  if (key.leftArrow) return { name: "left" };
  if (key.rightArrow) return { name: "right" };
  if (key.pageUp) return { name: "pageup" };
  if (key.pageDown) return { name: "pagedown" };
  if (key.home) return { name: "home" };
  if (key.end) return { name: "end" };
  if (key.return) return { name: "enter" };
  if (key.escape) return { name: "escape" };
  if (key.tab) return { name: key.shift ? "shift+tab" : "tab" };
  if (key.backspace || key.delete) return { name: "backspace" };
  if (key.meta || input === "") return { name: "" };
  return { name: input, text: input };
}
