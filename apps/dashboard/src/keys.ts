/** The table of keys: their actions, their help, and their labels in the bottom line. */

import type { DashboardAction } from "./actions.ts";
import { VIEWS } from "./views/registry.ts";

/** A key press, as terminals name it: a character, or one of these. */
export interface KeyPress {
  /** What the mouse did, instead of a key. */
  readonly mouse?: MousePress;
  /** `up`, `down`, `left`, `right`, `pageup`, `pagedown`, `home`, `end`, `enter`, `escape`, `tab`, `shift+tab`, `backspace`, `ctrl+c`, or the character. */
  readonly name: string;
  /** The character to type. */
  readonly text?: string;
}

export interface MousePress {
  readonly what: "click" | "wheelUp" | "wheelDown";
  /** Of the terminal, from 0. */
  readonly column: number;
  readonly row: number;
}

export interface KeyBinding {
  readonly keys: readonly string[];
  /** How the help names the keys. */
  readonly shown: string;
  readonly help: string;
  /** Word in the bottom line; absent: only in the help. */
  readonly hint?: string;
  readonly action: DashboardAction;
}

/** Rows that PgUp and PgDn move. */
const PAGE = 10;

/** The keys of the views, as hints name them: "0-6". */
export const VIEW_KEYS = keyRanges(VIEWS.map(({ key }) => key));

export const KEY_BINDINGS: readonly KeyBinding[] = [
  {
    keys: ["up", "k"],
    shown: "↑ k",
    help: "up in the focused panel",
    action: { kind: "moved", by: -1 },
  },
  { keys: ["down", "j"], shown: "↓ j", help: "down", action: { kind: "moved", by: 1 } },
  { keys: ["pageup"], shown: "PgUp", help: "ten rows up", action: { kind: "moved", by: -PAGE } },
  { keys: ["pagedown"], shown: "PgDn", help: "ten rows down", action: { kind: "moved", by: PAGE } },
  { keys: ["home", "g"], shown: "Home g", help: "to the first row", action: { kind: "jumped", to: "start" } },
  { keys: ["end", "G"], shown: "End G", help: "to the last row", action: { kind: "jumped", to: "end" } },
  { keys: ["left", "h"], shown: "← h", help: "previous view", action: { kind: "viewMoved", by: -1 } },
  { keys: ["right", "l"], shown: "→ l", help: "next view", action: { kind: "viewMoved", by: 1 } },
  ...VIEWS.map(
    (view): KeyBinding => ({
      keys: [view.key],
      shown: view.key,
      help: `view: ${view.help}`,
      action: { kind: "viewChosen", view },
    }),
  ),
  {
    keys: ["tab"],
    shown: "Tab",
    help: "focus the next panel",
    hint: "panel",
    action: { kind: "focusMoved", by: 1 },
  },
  {
    keys: ["shift+tab"],
    shown: "Shift-Tab",
    help: "focus the previous panel",
    action: { kind: "focusMoved", by: -1 },
  },
  {
    keys: ["enter"],
    shown: "Enter",
    help: "the run alone",
    hint: "open",
    action: { kind: "opened" },
  },
  { keys: ["escape"], shown: "Esc", help: "back", action: { kind: "closed" } },
  {
    keys: ["/"],
    shown: "/",
    help: "filter runs; search lines",
    hint: "filter",
    action: { kind: "filterStarted" },
  },
  {
    keys: ["n"],
    shown: "n",
    help: "next line searched for",
    action: { kind: "searched", by: 1 },
  },
  { keys: ["N"], shown: "N", help: "previous such line", action: { kind: "searched", by: -1 } },
  {
    keys: [":"],
    shown: ":",
    help: "to row or step number",
    action: { kind: "promptStarted", prompt: "jump" },
  },
  {
    keys: [" "],
    shown: "Space",
    help: "mark, to lay curves over",
    hint: "mark",
    action: { kind: "marked" },
  },
  { keys: ["o"], shown: "o", help: "sort by the next column", action: { kind: "ordered" } },
  { keys: ["O"], shown: "O", help: "turn the order round", action: { kind: "orderTurned" } },
  {
    keys: ["m"],
    shown: "m",
    help: "group runs by configuration",
    action: { kind: "groupToggled" },
  },
  {
    keys: ["f"],
    shown: "f",
    help: "follow the live run",
    hint: "follow",
    action: { kind: "followToggled" },
  },
  {
    keys: ["y"],
    shown: "y",
    help: "logarithmic scale",
    hint: "log scale",
    action: { kind: "logScaleToggled" },
  },
  {
    keys: ["s"],
    shown: "s",
    help: "smooth the loss more",
    hint: "smooth",
    action: { kind: "smoothed", by: 1 },
  },
  { keys: ["S"], shown: "S", help: "smooth the loss less", action: { kind: "smoothed", by: -1 } },
  {
    keys: ["r"],
    shown: "r",
    help: "the last steps alone",
    action: { kind: "recentToggled" },
  },
  {
    keys: ["t"],
    shown: "t",
    help: "over time, or over steps",
    action: { kind: "timeAxisToggled" },
  },
  {
    keys: ["x"],
    shown: "x",
    help: "cursor on curves: ← →",
    hint: "cursor",
    action: { kind: "cursorToggled" },
  },
  { keys: ["+", "="], shown: "+", help: "curves larger", action: { kind: "magnified", by: 1 } },
  { keys: ["-"], shown: "-", help: "curves smaller", action: { kind: "magnified", by: -1 } },
  {
    keys: ["p"],
    shown: "p",
    help: "pause; the runs go on",
    hint: "pause",
    action: { kind: "frozenToggled" },
  },
  {
    keys: ["a"],
    shown: "a",
    help: "start, retry, cancel a sweep",
    action: { kind: "sweepAsked" },
  },
  { keys: ["c"], shown: "c", help: "copy the id of the run", action: { kind: "copied", what: "id" } },
  { keys: ["C"], shown: "C", help: "copy its folder's path", action: { kind: "copied", what: "path" } },
  { keys: ["M"], shown: "M", help: "mouse on, or off", action: { kind: "mouseToggled" } },
  {
    keys: ["e"],
    shown: "e",
    help: "save as text and SVG",
    action: { kind: "frameSaved" },
  },
  { keys: ["?"], shown: "?", help: "this help", hint: "help", action: { kind: "helpToggled" } },
  {
    keys: ["q", "ctrl+c"],
    shown: "q",
    help: "quit; the runs go on",
    hint: "quit",
    action: { kind: "quit" },
  },
];

/** The keys of the question whether the run that was started with the screen continues. */
export const QUIT_ANSWERS: readonly KeyBinding[] = [
  {
    // a second Ctrl-C ends the screen; the run continues
    keys: ["l", "enter", "ctrl+c"],
    shown: "l",
    help: "leave it running",
    hint: "leave it running",
    action: { kind: "answered", answer: "leave" },
  },
  {
    keys: ["s"],
    shown: "s",
    help: "stop it after a checkpoint",
    hint: "stop after a checkpoint",
    action: { kind: "answered", answer: "stop" },
  },
  {
    keys: ["k"],
    shown: "k",
    help: "kill it",
    hint: "kill",
    action: { kind: "answered", answer: "kill" },
  },
  { keys: ["escape", "q"], shown: "Esc", help: "back", hint: "back", action: { kind: "closed" } },
];

/** Keys that follow each other as their first and last: "0-6", "0-9 v". */
function keyRanges(keys: readonly string[]): string {
  const ranges: string[] = [];
  let first = "";
  keys.forEach((key, k) => {
    const follows = k > 0 && key.charCodeAt(0) === keys[k - 1]!.charCodeAt(0) + 1;
    if (follows) ranges[ranges.length - 1] = `${first}-${key}`;
    else {
      first = key;
      ranges.push(key);
    }
  });
  return ranges.join(" ");
}
