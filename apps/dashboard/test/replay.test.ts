/** Recorded runs, replayed: what the screen shows of real runs at several moments and sizes, as files that can be read. */
import { afterAll, expect, it, vi } from "vitest";
import { asciiRows } from "../src/ascii.ts";
import type { DashboardState } from "../src/dashboardState.ts";
import { frameRows } from "../src/frame.ts";
import { paintedFrame } from "../src/paintedFrame.ts";
import type { StyledRow } from "../src/styledText.ts";
import { frameOf, withoutStyles } from "./frame.tsx";
import { momentOf, openRecording, screenAt } from "./recordings/recording.ts";

// the clock in the corner is local
vi.stubEnv("TZ", "UTC");
afterAll(() => void vi.unstubAllEnvs());

const SIZES = [
  [160, 50],
  [120, 40],
  [80, 24],
  [60, 20],
  [50, 10],
] as const;

const pruning = openRecording("pruning");
const synflow = openRecording("synflow");
const training = openRecording("training");
const sweep = openRecording("sweep");
const crash = openRecording("crash");

const end = (recording: typeof pruning) =>
  Math.max(...recording.runs.map(({ events }) => events.at(-1)!.t)) + 1000;
const midOfSweep = momentOf(sweep, "train.epoch", 2, 11);
const ofCrash = end(crash);

const SCENES: Readonly<Record<string, () => DashboardState>> = {
  "pruning-under-way": () => screenAt(pruning, momentOf(pruning, "prune.progress", 3), ["2"]),
  "pruning-done": () => screenAt(pruning, end(pruning), ["2"]),
  "pruning-layers": () => screenAt(pruning, end(pruning), ["4", "enter", "y"]),
  "synflow-under-way": () => screenAt(synflow, momentOf(synflow, "prune.progress", 12), ["2"]),
  "training-overview": () => screenAt(training, momentOf(training, "train.step", 50)),
  "training-curves": () => screenAt(training, momentOf(training, "train.epoch", 6), ["3"]),
  "training-layers": () => screenAt(training, end(training), ["4", "enter"]),
  "training-log-time": () => screenAt(training, end(training), ["3", "y", "t", "s", "enter"]),
  "training-cursor": () =>
    screenAt(training, end(training), ["3", "x", "pageup", "pageup", "pageup", "+", "+", "left"]),
  "log-searched": () => screenAt(training, end(training), ["6", "/", "e", "p", "o", "c", "h", "enter", "N"]),
  "training-settings": () => screenAt(training, end(training), ["7"]),
  "sweep-differences": () => screenAt(sweep, end(sweep), ["g", " ", "down", "down", "down", " ", "7"]),
  "training-output": () => screenAt(training, end(training), ["8"]),
  "sweep-under-way": () => screenAt(sweep, midOfSweep, ["1"]),
  "sweep-by-accuracy": () => screenAt(sweep, end(sweep), ["1", "m", "o", "o", "o", "o", "o", "O", "g"]),
  "sweep-filtered": () => screenAt(sweep, end(sweep), ["1", "/", "p", "h", "e", "w", "enter"]),
  "sweep-overlaid": () => screenAt(sweep, end(sweep), ["g", " ", "down", "down", " ", "3"]),
  "sweep-compared": () => screenAt(sweep, end(sweep), ["5", "down"]),
  "crash-overview": () => screenAt(crash, ofCrash, [], ofCrash + 120_000),
  "crash-log": () => screenAt(crash, ofCrash, ["6"], ofCrash + 120_000),
};

/** The rows without head and bottom line, which tell of all views: a new view is no news of the others. */
function bodyOf<T>(rows: readonly T[]): readonly T[] {
  return rows.length === 1 ? rows : rows.slice(1, -1);
}

it.each(Object.entries(SCENES))("%s looks as it did, at five sizes", async (name, screen) => {
  const state = screen();
  const frames = SIZES.map(([columns, rows]) =>
    [`${columns} × ${rows}`, ...bodyOf(frameOf(state, columns, rows)), ""].join("\n"),
  );
  await expect(frames.join("\n")).toMatchFileSnapshot(`frames/${name}.txt`);
});

it("is drawn in ASCII alone where that is asked for", async () => {
  const frames = [SCENES["pruning-under-way"]!(), SCENES["training-curves"]!()].map((state) =>
    paintedFrame(asciiRows(bodyOf(frameRows(state, 80, 24))), false).replace(/ +$/gm, ""),
  );
  for (const frame of frames) expect(frame).toMatch(/^[\n -~]*$/);
  await expect(`${frames.join("\n\n")}\n`).toMatchFileSnapshot("frames/ascii.txt");
});

it("has its colours beside marks and words, and is the same text without them", async () => {
  const rows = bodyOf(frameRows(SCENES["sweep-under-way"]!(), 80, 24));
  expect(withoutStyles(paintedFrame(rows, true))).toBe(paintedFrame(rows, false));
  const shown = rows.flatMap((row) => [row.map(({ text }) => text).join(""), colourLine(row)]);
  const text = shown.map((line) => line.trimEnd()).join("\n");
  await expect(`${text}\n`).toMatchFileSnapshot("frames/colours.txt");
});

/** A letter below each cell that has a colour: its first one (k for gray), a capital where the cell is bold. */
function colourLine(row: StyledRow): string {
  return row
    .map(({ text, colour, bold }) => {
      const letter = text.trim() === "" || colour === undefined ? " " : colour === "gray" ? "k" : colour[0]!;
      return (bold ? letter.toUpperCase() : letter).repeat([...text].length);
    })
    .join("");
}
