/**
 * Time of a frame, drawn by terminal.ts and by Ink (`Dashboard`, one memoised `<Text>` a row, incremental rendering):
 *   node packages/bench/src/frames.mjs [columns, 120] [rows, 40] [frames, 140]
 * Processor time, including the construction of the frame; every frame shows four more steps of a training. Needs the
 * built workspace.
 */
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LongRun } from "./longRuns.mjs";

// React's development build is slower
process.env.NODE_ENV = "production";
process.env.FORCE_COLOR = "1";
delete process.env.CI;
const { render } = await import("ink");
const { createElement } = await import("react");
const { Dashboard, FullScreen, frameRows, initialDashboard, paintedFrame, RunWatcher, update } = await import(
  "@phew/dashboard"
);

const [columns = 120, rows = 40, frameCount = 140] = process.argv.slice(2).map(Number);
/** Frames drawn before the measurement, until the code has been compiled. */
const WARMING_COUNT = 60;

/** A terminal that only counts bytes. */
class Terminal extends EventEmitter {
  isTTY = true;
  columns = columns;
  rows = rows;
  byteCount = 0;

  write(text, done) {
    this.byteCount += Buffer.byteLength(text);
    done?.();
    return true;
  }
}

/** An input without keys. */
class Keys extends EventEmitter {
  isTTY = true;
  setRawMode() {}
  setEncoding() {}
  ref() {}
  unref() {}
  read() {
    return null;
  }
}

const states = statesOf(WARMING_COUNT + frameCount);
const own = new Terminal();
const screen = new FullScreen(own);
screen.open();
await measure("terminal.ts", own, (state) =>
  screen.paint(paintedFrame(frameRows(state, columns, rows), true)),
);

const inks = new Terminal();
let ink;
await measure("Ink", inks, (state) => {
  const tree = createElement(Dashboard, { state, columns, rows });
  const options = { stdout: inks, stdin: new Keys(), patchConsole: false, exitOnCtrlC: false };
  if (ink) ink.rerender(tree);
  else ink = render(tree, { ...options, incrementalRendering: true, maxFps: 1000 });
});
ink.unmount();

async function measure(name, terminal, draw) {
  const spent = [];
  for (const [k, state] of states.entries()) {
    if (k === WARMING_COUNT) terminal.byteCount = 0;
    const before = process.cpuUsage();
    draw(state);
    // Ink writes after a delay
    await delay(3);
    const { user, system } = process.cpuUsage(before);
    if (k >= WARMING_COUNT) spent.push((user + system) / 1000);
  }
  spent.sort((a, b) => a - b);
  const [least, median] = [spent[0], spent[spent.length >> 1]].map((ms) => ms.toFixed(1));
  const bytes = Math.round(terminal.byteCount / frameCount);
  console.log(`${name}, ${columns} × ${rows}: ${least} ms least, ${median} median, ${bytes} bytes a frame`);
}

/** The screen with 50 runs, one of which is training. */
function statesOf(count) {
  const root = mkdtempSync(join(tmpdir(), "phew-bench-"));
  try {
    const runs = Array.from({ length: 50 }, (_, k) => new LongRun(root, k, 3000, k >= 40));
    const watcher = new RunWatcher(root);
    let now = Date.now();
    watcher.refresh(now);
    let state = update(initialDashboard(root, now), { kind: "watched", runs: watcher.runs, now });
    return Array.from({ length: count }, () => {
      runs.at(-1).advance(4);
      now += 200;
      let shown = watcher.follow(state.selected);
      while (shown.loaded < 1) shown = watcher.follow(state.selected);
      state = update(state, { kind: "watched", runs: watcher.runs, now, shown });
      return state;
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
