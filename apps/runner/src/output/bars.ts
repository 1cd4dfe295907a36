/** Bars and small histograms of characters: block elements, or plain ASCII. */
import { cellText, cutMiddle } from "@phew/runs";

const EIGHTHS = " ▏▎▍▌▋▊▉█";
const HEIGHTS = "▁▂▃▄▅▆▇█";
const ASCII_HEIGHTS = ".:-=+*#@";

/** A bar of `fraction` (0 … 1) of `width` columns; at least one column for values above 0. */
export function bar(fraction: number, width: number, ascii = false): string {
  const steps = ascii ? 1 : 8;
  const filled = fraction > 0 ? Math.max(1, Math.round(Math.min(1, fraction) * width * steps)) : 0;
  if (ascii) return "#".repeat(filled).padEnd(width, ".");
  const rest = filled % 8;
  return `${"█".repeat(Math.floor(filled / 8))}${rest === 0 ? "" : EIGHTHS[rest]}`.padEnd(width);
}

/** One column per value, its height relative to the greatest; a space for 0. */
export function sparkline(values: readonly number[], ascii = false): string {
  const heights = ascii ? ASCII_HEIGHTS : HEIGHTS;
  const most = Math.max(...values, 0);
  return values
    .map((value) => (value > 0 ? heights[Math.ceil((value / most) * heights.length) - 1] : " "))
    .join("");
}

/** Text of the tables without characters beyond ASCII. */
export function asciiOnly(text: string): string {
  const plain: Readonly<Record<string, string>> = {
    "─": "-",
    "–": "-",
    "…": "..",
    "·": "*",
    "±": "+-",
    "×": "x",
    "÷": "/",
  };
  return text.replace(/[─–…·±×÷]/g, (character) => plain[character]!);
}

/** A name in at most `width` columns: its middle is cut. */
export function shortened(name: string, width: number, ascii = false): string {
  return cutMiddle(cellText(name), width, ascii ? ".." : "…");
}
