/** Colours by theme, and ASCII by locale. */

import { isUtf8Locale } from "@phew/runs/text";
import { describe, expect, it } from "vitest";
import { frameRows } from "../src/frame.ts";
import { paintedFrame } from "../src/paintedFrame.ts";
import { frameSvg } from "../src/savedFrame.ts";
import { paletteOf, THEME_NAMES, themeNamed } from "../src/themes.ts";
import { VIEWS } from "../src/views/registry.ts";
import { busyDashboard } from "./fakeStates.ts";

const CUBE = [0, 95, 135, 175, 215, 255];
/** The 16 colours as VGA and the Linux console have them. */
const VGA = ["000000", "aa0000", "00aa00", "aa5500", "0000aa", "aa00aa", "00aaaa", "aaaaaa"].concat([
  "555555",
  "ff5555",
  "55ff55",
  "ffff55",
  "5555ff",
  "ff55ff",
  "55ffff",
  "ffffff",
]);

/** Red, green and blue, 0 … 255, of SGR parameters; undefined: the terminal's own colour of text. */
function rgbOf(code: string): number[] | undefined {
  const [, index] = /^38;5;(\d+)$/.exec(code) ?? [];
  if (index !== undefined) {
    const n = Number(index);
    if (n >= 232) return Array(3).fill(8 + 10 * (n - 232));
    return [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6].map(
      (level) => CUBE[level]!,
    );
  }
  const n = Number(code);
  if (n === 39) return undefined;
  const hex = VGA[n >= 90 ? n - 82 : n - 30]!;
  return [0, 2, 4].map((k) => Number.parseInt(hex.slice(k, k + 2), 16));
}

/** @see WCAG 2.1, relative luminance and contrast ratio */
function contrast(a: readonly number[], b: readonly number[]): number {
  const luminance = (rgb: readonly number[]) => {
    const [r, g, bl] = rgb.map((v) =>
      v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * bl!;
  };
  const [high, low] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (high! + 0.05) / (low! + 0.05);
}

const BLACK = [0, 0, 0];
const WHITE = [255, 255, 255];
const USED = ["red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray"] as const;

describe("a theme", () => {
  it.each([
    ["dark", 4, BLACK],
    ["dark", 8, BLACK],
    ["colour-blind", 4, BLACK],
    ["colour-blind", 8, BLACK],
    ["light", 4, WHITE],
    ["light", 8, WHITE],
  ] as const)("%s of %i bits is read on its ground, with the palette of VGA", (name, depth, ground) => {
    const palette = paletteOf(name, depth);
    for (const colour of USED) {
      const rgb = rgbOf(palette[colour]);
      if (rgb)
        expect(contrast(rgb, ground), `${colour} ${palette[colour]}`).toBeGreaterThan(
          depth === 8 ? 4.5 : 2.6,
        );
    }
  });

  it("of the terminal's own colours has a grey and a blue for both grounds", () => {
    for (const depth of [4, 8])
      for (const colour of ["gray", "blue"] as const)
        for (const ground of [BLACK, WHITE]) {
          const rgb = rgbOf(paletteOf("terminal", depth)[colour]);
          if (rgb) expect(contrast(rgb, ground), `${colour} ${depth}`).toBeGreaterThan(3);
        }
  });

  it.each(THEME_NAMES)("%s has neither bright black nor blue on black in any view", (name) => {
    for (const depth of [4, 8])
      for (const view of VIEWS) {
        const painted = paintedFrame(
          frameRows({ ...busyDashboard(), view }, 120, 40),
          paletteOf(name, depth),
        );
        expect(painted).not.toContain("undefined");
        expect(painted).not.toMatch(/[;[]90m/);
        if (name !== "light") expect(painted).not.toMatch(/[;[]34m/);
      }
  });

  it("is found by its name, and others are refused with those there are", () => {
    expect(THEME_NAMES.map((name) => themeNamed(name, "--theme"))).toEqual(THEME_NAMES);
    expect(() => themeNamed("solar", "PHEW_THEME")).toThrow(
      /PHEW_THEME: got "solar", expected one of terminal, dark, light, colour-blind/,
    );
  });

  it("is that of the picture of a frame", () => {
    const frame = [[{ text: "x", colour: "blue" }]];
    expect(frameSvg(frame, "light")).toMatch(/fill="#ffffff"[\s\S]*fill="#005fd7"/);
    // index 75 of xterm's cube
    expect(frameSvg(frame, "dark")).toContain('fill="#5fafff"');
  });
});

it.each([
  [{}, true],
  [{ LANG: "en_GB.UTF-8" }, true],
  [{ LANG: "C.utf8" }, true],
  [{ LANG: "en_GB.UTF-8", LC_ALL: "C" }, false],
  [{ LANG: "de_DE.ISO-8859-1" }, false],
  [{ LANG: "POSIX", LC_CTYPE: "C.UTF-8" }, true],
  [{ LANG: "en_GB.UTF-8", LC_CTYPE: "POSIX" }, false],
  [{ LANG: "", LC_ALL: "", LC_CTYPE: "" }, true],
])("the locale of %j is one of UTF-8: %s", (environment, isUtf8) => {
  expect(isUtf8Locale(environment)).toBe(isUtf8);
});
