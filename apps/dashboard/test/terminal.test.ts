import fc from "fast-check";
import { expect, it } from "vitest";
import { FullScreen } from "../src/terminal.ts";

/** As much of a terminal as the full screen asks for: no wrapping, cursor places, erasing, the alternate buffer. */
class TinyTerminal {
  columns = 12;
  rows = 5;
  isAlternate = false;
  isCursorShown = true;
  wraps = true;
  unknown: string[] = [];
  #cells: string[][] = [];
  #row = 0;
  #column = 0;

  get lines(): string[] {
    return Array.from({ length: this.rows }, (_, k) => (this.#cells[k] ?? []).join("").trimEnd());
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: sequences begin with one
    for (const [piece, sequence] of text.matchAll(/\u001b\[([?\d;]*[A-Za-z])|[^\u001b]/g)) {
      if (sequence === undefined) this.#put(piece);
      else this.#obey(sequence);
    }
    return true;
  }

  #put(glyph: string): void {
    this.#cells[this.#row] ??= [];
    const row = this.#cells[this.#row]!;
    while (row.length < this.#column) row.push(" ");
    row[Math.min(this.#column, this.columns - 1)] = glyph;
    this.#column = Math.min(this.#column + 1, this.columns - 1);
  }

  #obey(sequence: string): void {
    const place = /^(\d+);(\d+)H$/.exec(sequence);
    if (place) [this.#row, this.#column] = [Number(place[1]) - 1, Number(place[2]) - 1];
    else if (sequence === "H") [this.#row, this.#column] = [0, 0];
    else if (sequence === "K") this.#cells[this.#row] = (this.#cells[this.#row] ?? []).slice(0, this.#column);
    else if (sequence === "2J") this.#cells = [];
    else if (sequence === "?1049h") this.isAlternate = true;
    else if (sequence === "?1049l") this.isAlternate = false;
    else if (sequence === "?25h") this.isCursorShown = true;
    else if (sequence === "?25l") this.isCursorShown = false;
    else if (sequence === "?7h") this.wraps = true;
    else if (sequence === "?7l") this.wraps = false;
    else if (!["0m", "?2026h", "?2026l"].includes(sequence)) this.unknown.push(sequence);
  }
}

it("shows every frame whole, after any frames and sizes before it", () => {
  const line = fc.string({ unit: fc.constantFrom("a", "b", " ", "│"), maxLength: 12 });
  const frame = fc.array(line, { minLength: 1, maxLength: 7 });
  const size = fc.record({ columns: fc.integer({ min: 12, max: 20 }), rows: fc.integer({ min: 2, max: 8 }) });
  fc.assert(
    fc.property(fc.array(fc.tuple(frame, fc.option(size)), { minLength: 1, maxLength: 8 }), (steps) => {
      const terminal = new TinyTerminal();
      const screen = new FullScreen(terminal);
      screen.open();
      for (const [lines, newSize] of steps) {
        if (newSize) {
          Object.assign(terminal, newSize);
          screen.forget();
        }
        screen.paint(lines.join("\n"));
        const expected = Array.from({ length: terminal.rows }, (_, k) => (lines[k] ?? "").trimEnd());
        expect(terminal.lines).toEqual(expected);
      }
      expect(terminal.unknown).toEqual([]);
    }),
  );
});

it("keeps the last character of a line as wide as the terminal", () => {
  const terminal = new TinyTerminal();
  const screen = new FullScreen(terminal);
  screen.open();
  screen.paint("abcdefghijkl");
  expect(terminal.lines[0]).toBe("abcdefghijkl");
});

it("writes nothing where nothing changed, and only the lines that did", () => {
  const written: string[] = [];
  const screen = new FullScreen({ columns: 10, rows: 5, write: (text) => written.push(text) });
  screen.open();
  screen.paint("one\ntwo\nthree");
  written.length = 0;
  screen.paint("one\ntwo\nthree");
  expect(written).toEqual([]);
  screen.paint("one\nTWO\nthree");
  expect(written.join("")).toContain("TWO");
  expect(written.join("")).not.toContain("three");
});

it("gives the terminal back as it was, once, and paints no more", () => {
  const terminal = new TinyTerminal();
  const screen = new FullScreen(terminal);
  screen.paint("before it is open");
  expect(terminal.lines.join("")).toBe("");
  screen.open();
  expect([terminal.isAlternate, terminal.isCursorShown, terminal.wraps]).toEqual([true, false, false]);
  screen.close();
  screen.close();
  expect([terminal.isAlternate, terminal.isCursorShown, terminal.wraps]).toEqual([false, true, true]);
  screen.paint("late");
  screen.forget();
  expect(terminal.lines.join("")).not.toContain("late");
});

it("reports the mouse only while it is open and the mouse is wanted", () => {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const screen = new FullScreen({ write });
  const writtenBy = (act: () => void) => {
    written = "";
    act();
    return written;
  };
  screen.mouse = true;
  expect(written).toBe("");
  expect(writtenBy(() => screen.open())).toContain("\u001b[?1000h\u001b[?1006h");
  expect(writtenBy(() => screen.close())).toContain("\u001b[?1006l\u001b[?1000l\u001b[2J");
  expect(writtenBy(() => screen.open())).toContain("?1000h");
  const off = writtenBy(() => {
    screen.mouse = false;
  });
  expect(off).toBe("\u001b[?1006l\u001b[?1000l");
  expect(writtenBy(() => screen.close())).not.toContain("1000");
  expect(writtenBy(() => screen.copy("x"))).toBe("");
});

it("copies by OSC 52, in base64", () => {
  let written = "";
  const write = (text: string) => {
    written += text;
  };
  const screen = new FullScreen({ write });
  screen.open();
  written = "";
  screen.copy("runs/日本-0");
  expect(written).toBe(`\u001b]52;c;${Buffer.from("runs/日本-0").toString("base64")}\u0007`);
});
