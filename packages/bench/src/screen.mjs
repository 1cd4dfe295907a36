/**
 * Time until the first frame of the screen, and its processor time and memory afterwards:
 *   node packages/bench/src/screen.mjs start [run folders, 1000] [times, 10] [OTHER checkout, built: in turns with it]
 *   node packages/bench/src/screen.mjs load [run folders, 50] [events each, 100000] [live ones, 10] [seconds, 60]
 *   node packages/bench/src/screen.mjs keys [run folders, 50] [presses, 60]
 * Needs the built workspace, Linux (/proc) and `script` of util-linux. Run folders lie in a temporary folder.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LongRun } from "./longRuns.mjs";
import { inTerminal } from "./terminal.mjs";

const phew = fileURLToPath(new URL("../bin/phew.js", import.meta.resolve("@phew/runner")));
/** Clock ticks of /proc/PID/stat are hundredths of a second on Linux. */
const TICK_MS = 10;
/** The sequence that ends a frame, see terminal.ts. */
const FRAME_END = "\u001b[?2026l";
const LIVE_STEPS_PER_SECOND = 20;
/** Time in which the screen reads runs from their beginning: the one under the cursor, and the marked ones. */
const SETTLE_MS = 20_000;

const [mode, ...counts] = process.argv.slice(2);
const numbers = counts.slice(0, mode === "start" ? 2 : undefined).map(Number);
const root = mkdtempSync(join(tmpdir(), "phew-bench-"));
try {
  if (mode === "start") await start(...numbers, counts[2]);
  else if (mode === "load") await load(...numbers);
  else if (mode === "keys") await keys(...numbers);
  else throw new Error("say start, load or keys");
} finally {
  rmSync(root, { recursive: true, force: true });
}

/** Time from the command to the first frame, which must list the runs. @param other the root of another checkout */
async function start(folderCount = 1000, times = 10, other = undefined) {
  for (let k = 0; k < folderCount; k++) new LongRun(root, k, 300, false);
  const commands = [phew, ...(other === undefined ? [] : [resolve(other, "apps/runner/bin/phew.js")])];
  const rounds = commands.map(() => []);
  for (let k = 0; k < times; k++)
    for (const [which, command] of commands.entries()) rounds[which].push(await firstFrame(command));
  const sorted = (of, key) => of.map((round) => round[key]).sort((a, b) => a - b);
  const summary = (values) =>
    `${Math.round(values[0])} ms least, ${Math.round(values[values.length >> 1])} median`;
  console.log(`${folderCount} run folders, ${times} times, from the command to the frame that lists them:`);
  for (const [which, of] of rounds.entries()) {
    const name = which === 0 ? "" : `${other}: `;
    console.log(
      `${name}by the clock ${summary(sorted(of, "ms"))}; processor time ${summary(sorted(of, "cpuMs"))}`,
    );
  }
}

async function firstFrame(command) {
  let text = "";
  let first;
  const screen = inTerminal(`${process.execPath} ${command} watch ${root}`, {
    onText(piece, ms) {
      text += piece;
      if (first || !/ (?:seed |s)\d/.test(text)) return;
      first = { ms, cpuMs: processorMs(childOf(screen.pid)) };
      setTimeout(() => screen.keys("q"), 300);
    },
  });
  await screen.ended;
  return first;
}

/** Processor time, memory and frames while some of many long runs continue. */
async function load(folderCount = 50, eventCount = 100_000, liveCount = 10, seconds = 60) {
  const runs = Array.from(
    { length: folderCount },
    (_, k) => new LongRun(root, k, eventCount, k >= folderCount - liveCount),
  );
  const live = runs.slice(folderCount - liveCount);
  const writing = setInterval(() => {
    for (const run of live) run.advance(LIVE_STEPS_PER_SECOND / 5);
  }, 200);
  const beating = setInterval(() => {
    for (const run of live) run.beat();
  }, 1000);
  for (const [view, key] of [
    ["overview", "0"],
    ["sweep", "1"],
    ["training, six runs laid over each other", "3"],
  ]) {
    let frameCount = 0;
    const screen = inTerminal(`${process.execPath} ${phew} watch ${root}`, {
      onText: (piece) => (frameCount += piece.split(FRAME_END).length - 1),
    });
    await delay(2000);
    screen.keys(key);
    if (key === "3") for (let k = 0; k < 6; k++) await typed(screen, k === 0 ? " " : "k ");
    const pid = childOf(screen.pid);
    const settled = processorMs(pid);
    await delay(SETTLE_MS);
    const before = { cpuMs: processorMs(pid), frameCount, t: performance.now() };
    let most = 0;
    for (let s = 0; s < seconds; s++) {
      await delay(1000);
      most = Math.max(most, residentMib(pid));
    }
    const elapsedMs = performance.now() - before.t;
    const share = (100 * (processorMs(pid) - before.cpuMs)) / elapsedMs;
    const frames = (1000 * (frameCount - before.frameCount)) / elapsedMs;
    console.log(
      `${view}: ${share.toFixed(1)} % of a core, ${frames.toFixed(1)} frames/s, at most ${most.toFixed(0)} MiB` +
        ` (first ${SETTLE_MS / 1000} s: ${((100 * (before.cpuMs - settled)) / SETTLE_MS).toFixed(0)} %)`,
    );
    screen.keys("q");
    await screen.ended;
  }
  clearInterval(writing);
  clearInterval(beating);
}

/** Time from a key (Tab: other borders) to its frame, and processor time, at two sizes; frames while the key is held. */
async function keys(folderCount = 50, pressCount = 60) {
  for (let k = 0; k < folderCount; k++) new LongRun(root, k, 3000, false);
  for (const [columns, rows] of [
    [120, 40],
    [200, 60],
  ]) {
    let frameCount = 0;
    let onFrame = () => {};
    const screen = inTerminal(`${process.execPath} ${phew} watch ${root}`, {
      columns,
      rows,
      onText(piece) {
        if (!piece.includes(FRAME_END)) return;
        frameCount += piece.split(FRAME_END).length - 1;
        onFrame();
      },
    });
    await delay(4000);
    const pid = childOf(screen.pid);
    const before = processorMs(pid);
    const answered = [];
    for (let k = 0; k < pressCount; k++) {
      const start = performance.now();
      const frame = new Promise((resolve) => {
        onFrame = () => resolve(performance.now() - start);
      });
      screen.keys("\t");
      answered.push(await frame);
      await delay(150);
    }
    const cpuMs = (processorMs(pid) - before) / pressCount;
    answered.sort((a, b) => a - b);
    const held = frameCount;
    for (let k = 0; k < 105; k++) {
      screen.keys("\t");
      await delay(33);
    }
    console.log(
      `${columns} × ${rows}: a key is answered after ${answered[0].toFixed(0)} ms least, ` +
        `${answered[pressCount >> 1].toFixed(0)} median, ${answered.at(-1).toFixed(0)} most, and costs ${cpuMs.toFixed(1)} ms; ` +
        `held for 3.5 s it gets ${frameCount - held} frames`,
    );
    screen.keys("q");
    await screen.ended;
  }
}

async function typed(screen, text) {
  for (const key of text) {
    screen.keys(key);
    await delay(100);
  }
}

function childOf(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
}

/** User and system time of a process. @see proc(5) */
function processorMs(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return TICK_MS * (Number(fields[11]) + Number(fields[12]));
}

function residentMib(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}
