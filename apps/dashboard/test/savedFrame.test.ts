import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunEntry } from "@phew/runs";
import stringWidth from "string-width";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asciiRows } from "../src/ascii.ts";
import { actionOf, hintsOf } from "../src/keyActions.ts";
import { frameSvg, frameText, saveFrame } from "../src/savedFrame.ts";
import { rowText, type StyledRow } from "../src/styledText.ts";
import { update } from "../src/update.ts";
import { VIEWS } from "../src/views/registry.ts";
import { isWorkOver } from "../src/workOver.ts";
import { busyDashboard, fakeEntry, fakeOptions, START_T } from "./fakeStates.ts";
import { frameOf } from "./frame.tsx";

const frame: readonly StyledRow[] = [
  [
    { text: "PH", colour: "cyan", bold: true },
    { text: "EW", colour: "cyan", bold: true },
    { text: " a < b", dim: false },
    { text: "", colour: "red" },
    { text: " & c   " },
  ],
  [{ text: "│", colour: "gray", dim: true }, { text: " ⣀⣀ 深" }],
];

describe("a saved frame", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "phew-frame-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is text without styles", () => {
    expect(frameText(frame)).toBe("PHEW a < b & c\n│ ⣀⣀ 深\n");
  });

  it("is a picture with every piece at its column, in its colour, with nothing unescaped", () => {
    const svg = frameSvg(frame);
    expect(svg).toContain(
      '<text x="10" y="23" textLength="33.6" lengthAdjust="spacingAndGlyphs" fill="#4dbbc4" font-weight="bold">PHEW</text>',
    );
    expect(svg).toContain("<title>PHEW a &lt; b &amp; c</title>");
    // five columns on, in the common colour; blanks at the ends are left out, since viewers do so anyway
    expect(svg).toMatch(/<text x="52" y="23" textLength="[\d.]+" [^>]*">a &lt; b &amp; c<\/text>/);
    expect(svg).toMatch(/y="40" [^>]* fill="#7f8692" opacity="0\.6">│</);
    // a wide character takes two of the six columns of its piece
    expect(svg).toMatch(/x="26\.8" y="40" textLength="42" lengthAdjust="spacingAndGlyphs">⣀⣀ 深</);
  });

  it("goes into files that are new, whatever is there", () => {
    const name = join(folder, "screen");
    expect(saveFrame(frame, name)).toEqual([`${name}.txt`, `${name}.svg`]);
    expect(saveFrame([[{ text: "other" }]], name)).toEqual([`${name}-2.txt`, `${name}-2.svg`]);
    expect(readdirSync(folder).sort()).toEqual(["screen-2.svg", "screen-2.txt", "screen.svg", "screen.txt"]);
    expect(readFileSync(`${name}.txt`, "utf8")).toBe(frameText(frame));
  });
});

describe("ASCII", () => {
  it.each(VIEWS)("has every line of the view $name as wide as it was, and nothing else", (view) => {
    for (const [columns, rows] of [
      [120, 40],
      [60, 20],
    ] as const) {
      const lines = frameOf({ ...busyDashboard(), view }, columns, rows);
      const ascii = asciiRows(lines.map((text) => [{ text }])).map(rowText);
      expect(ascii.map((line) => stringWidth(line))).toEqual(lines.map((line) => stringWidth(line)));
      expect(ascii.join("\n")).toMatch(/^[\n -~]*$/);
      // no character of ours is without an ASCII one
      expect(
        ascii.join("").replace("? help", "").replaceAll("? lost", "").replaceAll("? lenet5", ""),
      ).not.toMatch(/\?(?! ?1)/);
    }
  });

  it("draws curves by where their dots are", () => {
    const row = [
      { text: "⠉⣀⠤⣿ ", bold: true },
      { text: "╭─╮ 深", colour: "red" },
    ];
    expect(asciiRows([row])).toEqual([
      [
        { text: '"_-| ', bold: true },
        { text: "+-+ ??", colour: "red" },
      ],
    ]);
  });
});

describe("quitting a screen that started a run", () => {
  it("does not ask where its runs are over, and those of another time are none", () => {
    const runs = (...lives: readonly RunEntry["life"][]) =>
      lives.map((life, k) => fakeEntry(fakeOptions({ seed: k }), life, [], { updatedT: START_T + k }));
    expect(isWorkOver(runs("finished", "failed", "interrupted", "lost"), START_T + 3)).toBe(true);
    expect(isWorkOver(runs("finished", "finished"), START_T + 2)).toBe(false);
    expect(isWorkOver([], START_T)).toBe(false);
    for (const life of ["running", "waiting"] as const)
      expect(isWorkOver(runs("finished", life), START_T), life).toBe(false);
  });

  it("asks: leave, stop after a checkpoint or kill, or not at all", () => {
    const asking = update(busyDashboard(), { kind: "asked" });
    const text = frameOf(asking, 80, 24).join("\n");
    for (const answer of ["The run goes on", "leave it running", "stop it after a checkpoint", "kill it"])
      expect(text).toContain(answer);
    const press = (name: string) => actionOf(asking, { name, text: name });
    expect(press("s")).toEqual({ kind: "answered", answer: "stop" });
    expect(press("k")).toEqual({ kind: "answered", answer: "kill" });
    expect(press("x")).toBeUndefined();
    expect(update(asking, press("l")!).quitting).toBe(true);
    expect(update(asking, press("escape")!)).toMatchObject({ asking: false, quitting: false });
    expect(hintsOf(asking).map(({ key }) => key)).toEqual(["l", "s", "k", "Esc"]);
  });
});
