/** Reads keys with Ink, which decodes what terminals send and switches raw mode on and off. */
import { EventEmitter } from "node:events";
import { type Key, render, useInput } from "ink";
import type { KeyPress } from "./keys.ts";

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

/** One press for each key: fast ones come together, and Esc with a key right behind it looks like Alt and that key. */
function pressesOf(input: string, key: Key): KeyPress[] {
  if (key.ctrl) return [{ name: `ctrl+${input}` }];
  const named = NAMED_KEYS.find(([flag]) => key[flag]);
  if (named) return [{ name: key.tab && key.shift ? "shift+tab" : named[1] }];
  const characters = [...input].map(pressOf);
  return key.meta ? [{ name: "escape" }, ...characters] : characters;
}

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
