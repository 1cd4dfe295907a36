/**
 * The screen at one moment of a cast of the dashboard, as SVG:
 *   node packages/bench/src/castPicture.mjs IN.cast MILLISECONDS OUT.svg
 * It only understands the sequences that the dashboard writes: whole lines, each at its position. Needs the built package.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { frameSvg } from "@phew/dashboard";

const [cast, ms, out] = process.argv.slice(2);
const [, ...events] = readFileSync(cast, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const written = events
  .filter(([seconds]) => 1000 * seconds <= Number(ms))
  .map(([, , text]) => text)
  .join("");

// biome-ignore lint/suspicious/noControlCharactersInRegex: sequences begin with one
const PLACED = /(\u001b\[2J)|\u001b\[(\d+);1H\u001b\[K([^\n]*?)(?=\u001b\[\d+;1H|\u001b\[\?2026|\u001b\[2J)/g;

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

let lines = [];
for (const [, cleared, row, text = ""] of written.matchAll(PLACED)) {
  if (cleared) lines = [];
  else lines[Number(row) - 1] = text;
}
writeFileSync(out, frameSvg(Array.from(lines, (line) => styledRow(line ?? ""))));

/** Splits a line of paintedFrame.ts where its style changes: SGR of the 16 colours, bold and dim. */
function styledRow(line) {
  const row = [];
  let style = {};
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles begin with one
  for (const part of line.split(/(\u001b\[[\d;]*m)/)) {
    if (part.startsWith("\u001b"))
      style = basic(part.slice(2, -1)).split(";").map(Number).reduce(styleAfter, style);
    else if (part !== "") row.push({ text: part, ...style });
  }
  return row;
}

/** The grey and the blue of the default theme (themes.ts) as the nearest of the 16 colours. */
function basic(codes) {
  return codes.replace(/38;5;245|\b39\b/, "90").replace(/38;5;33|\b94\b/, "34");
}

function styleAfter(style, code) {
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  const colour = code === 90 ? "gray" : COLOURS[code - 30];
  return code === 0 || colour === undefined ? {} : { ...style, colour };
}
