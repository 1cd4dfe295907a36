/** Marks and colours. Every meaning of a colour is also shown by a mark or a word. */
import type { RunLife } from "@phew/runs";

export interface LifeLook {
  readonly mark: string;
  readonly colour: string;
  readonly word: string;
  /** At most seven columns. */
  readonly shortWord: string;
}

export const LIFE_LOOKS: Readonly<Record<RunLife, LifeLook>> = {
  running: { mark: "●", colour: "green", word: "running", shortWord: "running" },
  finished: { mark: "✓", colour: "cyan", word: "finished", shortWord: "done" },
  failed: { mark: "✗", colour: "red", word: "failed", shortWord: "failed" },
  interrupted: { mark: "■", colour: "yellow", word: "interrupted", shortWord: "stopped" },
  waiting: { mark: "·", colour: "gray", word: "waiting", shortWord: "waiting" },
  lost: { mark: "?", colour: "magenta", word: "lost", shortWord: "lost" },
};

export const COLOURS = {
  accent: "cyan",
  faint: "gray",
  train: "blue",
  test: "green",
  bar: "blue",
  target: "yellow",
  expected: "magenta",
  warning: "yellow",
  error: "red",
} as const;

/** Runs and methods laid over each other, by place: a colour and a letter. */
export const MARKS = [
  { letter: "a", colour: "yellow" },
  { letter: "b", colour: "magenta" },
  { letter: "c", colour: "cyan" },
  { letter: "d", colour: "green" },
  { letter: "e", colour: "red" },
  { letter: "f", colour: "white" },
] as const;

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `fraction` (0 … 1) of `width` columns, to an eighth of a column; the rest is `ground`. */
export function bar(fraction: number, width: number, ground = " "): string {
  const eighths = Math.round(Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0)) * width * 8);
  const full = Math.floor(eighths / 8);
  const filled = "█".repeat(full) + EIGHTHS[eighths % 8]!;
  const used = full + (eighths % 8 === 0 ? 0 : 1);
  return filled + ground.repeat(width - used);
}
