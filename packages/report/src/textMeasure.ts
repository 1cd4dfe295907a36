/**
 * Widths of texts in figures. Vega without a canvas takes every character for 0.8 em: figures with a long line above them
 * got as much empty room beside the plot. These are the advances of the font that the figures are drawn with.
 */
import { textWidth } from "@phew/runs";

/** Advances of IBM Plex Sans Regular (hmtx), in thousandths of an em, from U+0020 to U+007E. */
const ADVANCES = [
  236, 284, 419, 713, 598, 927, 694, 242, 335, 335, 450, 600, 272, 399, 272, 383, 600, 600, 600, 600, 600,
  600, 600, 600, 600, 600, 292, 292, 600, 600, 600, 477, 891, 641, 653, 621, 671, 583, 559, 695, 707, 400,
  510, 634, 501, 812, 707, 708, 606, 708, 640, 581, 572, 678, 609, 891, 613, 593, 580, 317, 383, 317, 600,
  565, 600, 534, 580, 503, 580, 549, 324, 528, 568, 250, 250, 527, 272, 873, 568, 560, 580, 580, 367, 487,
  351, 568, 492, 768, 507, 499, 464, 343, 314, 343, 600,
];
const FIRST = 32;
/** Of other characters, by their columns in a terminal: no narrower than most letters and signs. */
const OTHER = 620;
/** SemiBold is 3 % wider; pages without the font have one that may be. */
const MARGIN = 1.06;

/** Pixels, at least those that the text takes. */
function measuredWidth(text: string, fontSize: number): number {
  let thousandths = 0;
  for (const character of text)
    thousandths += ADVANCES[character.codePointAt(0)! - FIRST] ?? OTHER * textWidth(character);
  return Math.ceil((thousandths * fontSize * MARGIN) / 1000);
}

/** What Vega calls with a text's item; its types leave it out. */
interface TextMetrics {
  width: (item: { readonly fontSize?: number; readonly limit?: number }, text: unknown) => number;
}

const USUAL_SIZE = 11;

/** Makes Vega measure with {@link measuredWidth}. @param vega the loaded module */
export function measureTexts(vega: object): void {
  const { textMetrics } = vega as { readonly textMetrics: TextMetrics };
  textMetrics.width = ({ fontSize = USUAL_SIZE, limit = 0 }, text) => {
    const width = text === undefined || text === null ? 0 : measuredWidth(`${text}`, fontSize);
    return limit > 0 ? Math.min(limit, width) : width;
  };
}
