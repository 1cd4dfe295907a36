/** Colours of figures on a dark page: rules that replace those that SVG elements have as attributes. */

/** Of the page, in the style beside this file. */
const DARK_PAGE = "#14171d";
/** WCAG asks for 3 of graphics, 4.5 of text. */
const LEAST_CONTRAST = 4;
const STEPS = 50;
/** Of axes: lines that would become too bright, texts that would become too dark. */
const FIXED: Readonly<Record<string, string>> = {
  "#1f2430": "#e3e6eb",
  "#667080": "#a2acba",
  "#9aa3af": "#6a7482",
  "#e7eaee": "#2b313b",
  "#3b3b3b": "#f2f2f2",
  black: "#e3e6eb",
};

/** A rule for each colour in the drawings that is too dark; empty where there is none. */
export function darkRules(drawings: readonly string[]): string {
  const found = drawings.flatMap((svg) => [...svg.matchAll(/(?:fill|stroke)="(#[0-9a-f]{3,6}|black)"/g)]);
  const colours = new Set(found.map(([, colour]) => colour!));
  return [...colours]
    .sort()
    .flatMap((colour) => {
      const dark = darkColour(colour);
      if (dark === colour) return [];
      return [`svg [fill="${colour}"]{fill:${dark}}`, `svg [stroke="${colour}"]{stroke:${dark}}`];
    })
    .join("\n");
}

/** The colour, or a lighter one of its hue that can be seen on the dark page. @param colour `#rgb`, `#rrggbb`, `black` */
export function darkColour(colour: string): string {
  const fixed = FIXED[colour];
  if (fixed !== undefined) return fixed;
  const channels = channelsOf(colour);
  for (let step = 0; step <= STEPS; step++) {
    const lighter = channels.map((value) => Math.round(value + ((255 - value) * step) / STEPS));
    if (contrast(lighter, channelsOf(DARK_PAGE)) >= LEAST_CONTRAST)
      return `#${lighter.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }
  return "#ffffff";
}

function channelsOf(colour: string): number[] {
  const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
  return [1, 3, 5].map((k) => Number.parseInt(digits.slice(k, k + 2), 16));
}

/** @see WCAG 2.2, contrast ratio and relative luminance */
function contrast(a: readonly number[], b: readonly number[]): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(channels: readonly number[]): number {
  const [r, g, b] = channels.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
