/** Reads keys with Ink, which decodes what terminals send and switches raw mode on and off. */
import { EventEmitter } from "node:events";
import { type Key, render, useInput } from "ink";
import type { KeyPress, MousePress } from "./keys.ts";

/** Calls `onKey` for each key until the returned function is called. Without a terminal there are no keys. */
export function readKeys(onKey: (press: KeyPress) => void): () => void {
  const ink = render(<Keyboard onKey={onKey} />, {
    stdout: new Nowhere() as unknown as NodeJS.WriteStream,
    stdin: process.stdin,
    exitOnCtrlC: false,
    patchConsole: false,
  });
  // the action of a key may fail
  ink.waitUntilExit().catch((error: unknown) => {
    process.emit("uncaughtException", error instanceof Error ? error : new Error(String(error)));
  });
  return () => ink.unmount();
}

function Keyboard({ onKey }: { readonly onKey: (press: KeyPress) => void }): null {
  useInput((input, key) => pressesOf(input, key).forEach(onKey), { isActive: process.stdin.isTTY === true });
  return null;
}

/** Ink's output: terminal.ts draws the screen. */
class Nowhere extends EventEmitter {
  readonly isTTY = false;
  readonly columns = 80;
  readonly rows = 24;

  write(_text: string, done?: () => void): boolean {
    done?.();
    return true;
  }
}

/**
 * One press for each key. Ink joins keys that follow each other quickly, and reports Esc followed by a key as Alt with
 * that key.
 */
function pressesOf(input: string, key: Key): KeyPress[] {
  const mouse = mousePress(input);
  if (mouse !== undefined) return mouse;
  if (key.ctrl) return [{ name: `ctrl+${input}` }];
  const named = NAMED_KEYS.find(([flag]) => key[flag]);
  if (named) return [{ name: key.tab && key.shift ? "shift+tab" : named[1] }];
  const characters = [...input].map(pressOf);
  return key.meta ? [{ name: "escape" }, ...characters] : characters;
}

/**
 * The mouse event of a report in mode 1006: button, column and row from 1, M for pressed, m for released. Ink has removed
 * the escape character.
 * @returns no press for a release or another button; undefined if the input is no mouse report
 * @see https://invisible-island.net/xterm/ctlseqs/ctlseqs.html, Extended coordinates
 */
function mousePress(input: string): KeyPress[] | undefined {
  const [, button, column, row, end] = /^\[<(\d+);(\d+);(\d+)([Mm])$/.exec(input) ?? [];
  if (button === undefined) return undefined;
  const what = MOUSE_BUTTONS[button];
  if (what === undefined || end === "m") return [];
  return [{ name: "mouse", mouse: { what, column: Number(column) - 1, row: Number(row) - 1 } }];
}

const MOUSE_BUTTONS: Readonly<Record<string, MousePress["what"]>> = {
  0: "click",
  64: "wheelUp",
  65: "wheelDown",
};

/** A character among others; the control characters below a blank are the letters with Ctrl. */
function pressOf(character: string): KeyPress {
  const code = character.codePointAt(0)!;
  if (character === "\r" || character === "\n") return { name: "enter" };
  if (character === "\t") return { name: "tab" };
  if (character === "\u001b") return { name: "escape" };
  if (character === "\b" || character === "\u007f") return { name: "backspace" };
  if (code < 32) return { name: `ctrl+${String.fromCodePoint(code + 96)}` };
  return { name: character, text: character };
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
