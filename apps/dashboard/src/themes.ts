/**
 * Themes: what the colours of spans are in a terminal, and in a saved picture. A colour is one of the 16 that every
 * palette has, or a fixed one of the 256 (xterm's cube and greys) where the terminal has these. No theme takes bright
 * black, nor blue on a dark ground: palettes of old make both unreadable.
 * @see ECMA-48, 8.3.117; https://invisible-island.net/xterm/ctlseqs/ctlseqs.html (SGR 38;5)
 * @see Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, for colours that people with colour blindness can distinguish
 */
import { ArgumentError } from "@phew/runs";

export const COLOUR_NAMES = [
  "black",
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  "white",
  "gray",
] as const;
export type ColourName = (typeof COLOUR_NAMES)[number];

/** SGR parameters of each colour. */
export type Palette = Readonly<Record<ColourName, string>>;

interface Theme {
  /** Description for docs/dashboard.md. */
  readonly shows: string;
  /** By the order of {@link COLOUR_NAMES}: SGR numbers of the 16 colours; 39 is the terminal's own for text. */
  readonly basic: readonly number[];
  /** Of the 256 colours, where the terminal has them; undefined: as in `basic`. */
  readonly fixed: readonly (number | undefined)[];
  /** Of saved pictures: ground, text, and the colours. */
  readonly ground: string;
  readonly ink: string;
  readonly hex: readonly string[];
}

const ON_DARK = { ground: "#16181d", ink: "#d7dae0" };
const DARK_FIXED = [238, 203, 114, 221, 75, 176, 80, 255, 248];
const LIGHT_FIXED = [16, 160, 28, 94, 26, 127, 24, 238, 241];
const OKABE_ITO = [238, 202, 36, 228, 39, 175, 117, 255, 248];
const OWN = undefined;

export const THEMES = {
  terminal: {
    shows:
      "the terminal's own colours, with a grey and a blue that are read on dark and on light grounds; unless another is named",
    basic: [30, 31, 32, 33, 94, 35, 36, 37, 39],
    fixed: [OWN, OWN, OWN, OWN, 33, OWN, OWN, OWN, 245],
    ...ON_DARK,
    hex: ["#3b4048", "#e06c75", "#8cc265", "#d9b35b", "#61a0ef", "#c678dd", "#4dbbc4", "#d7dae0", "#7f8692"],
  },
  dark: {
    shows: "for dark grounds",
    basic: [30, 91, 92, 93, 94, 95, 96, 97, 37],
    fixed: DARK_FIXED,
    ...ON_DARK,
    hex: DARK_FIXED.map(hexOf),
  },
  light: {
    shows: "for light grounds",
    basic: [30, 31, 32, 35, 34, 35, 34, 30, 39],
    fixed: LIGHT_FIXED,
    ground: "#ffffff",
    ink: "#1c1c1c",
    hex: LIGHT_FIXED.map(hexOf),
  },
  "colour-blind": {
    shows: "for dark grounds, in the colours of Okabe and Ito, which everybody tells apart",
    basic: [30, 91, 36, 93, 94, 95, 96, 97, 37],
    fixed: OKABE_ITO,
    ...ON_DARK,
    hex: OKABE_ITO.map(hexOf),
  },
} as const satisfies Record<string, Theme>;

export type ThemeName = keyof typeof THEMES;
export const THEME_NAMES = Object.keys(THEMES) as readonly ThemeName[];

/** @param colourDepth bits of colour that the terminal has, as `WriteStream.getColorDepth` tells them */
export function paletteOf(name: ThemeName, colourDepth: number): Palette {
  const { basic, fixed } = THEMES[name] as Theme;
  const codes = COLOUR_NAMES.map((colour, k) => {
    const index = colourDepth >= 8 ? fixed[k] : undefined;
    return [colour, index === undefined ? `${basic[k]}` : `38;5;${index}`];
  });
  return Object.fromEntries(codes) as Palette;
}

/** The colours of a saved picture. */
export function pictureColours(name: ThemeName): Pick<Theme, "ground" | "ink"> & {
  readonly colours: Readonly<Record<string, string>>;
} {
  const { ground, ink, hex } = THEMES[name] as Theme;
  return { ground, ink, colours: Object.fromEntries(COLOUR_NAMES.map((colour, k) => [colour, hex[k]!])) };
}

/** @param source of the name, for the message: `--theme`, `PHEW_THEME` @throws ArgumentError if no theme has the name */
export function themeNamed(name: string, where: string): ThemeName {
  const known = THEME_NAMES.find((candidate) => candidate === name);
  if (known !== undefined) return known;
  throw new ArgumentError(where, {
    given: JSON.stringify(name),
    expected: `one of ${THEME_NAMES.join(", ")}`,
  });
}

/** The colour of an index of xterm's cube (16 … 231) or of its greys (232 … 255). */
function hexOf(index: number): string {
  const level = (digit: number) => (digit === 0 ? 0 : 55 + 40 * digit);
  const cube = index - 16;
  const grey = 8 + 10 * (index - 232);
  const parts =
    index >= 232
      ? [grey, grey, grey]
      : [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level);
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
