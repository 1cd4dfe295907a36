/**
 * The screen at one moment of a cast of the dashboard, as SVG:
 *   node bench/castPicture.mjs IN.cast MILLISECONDS OUT.svg
 * It obeys what the dashboard writes and no more: whole lines, each at its place. Needs the built package.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { frameSvg } from "../dist/savedFrame.js";

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

let lines = [];
for (const [, cleared, row, text = ""] of written.matchAll(PLACED)) {
  if (cleared) lines = [];
  else lines[Number(row) - 1] = text;
}
writeFileSync(out, frameSvg(Array.from(lines, (line) => line ?? "").join("\n")));
