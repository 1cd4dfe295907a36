/**
 * Records the output of a command in a terminal as a cast (asciicast v2, https://docs.asciinema.org/manual/asciicast/v2),
 * for `asciinema play` and its players:
 *   node packages/bench/src/cast.mjs OUT.cast COLUMNSxROWS "KEYS" COMMAND …
 * KEYS are pressed while it runs, each after its time in milliseconds: "1500:2 9000:e 9500:q". Needs `script` of util-linux.
 */
import { writeFileSync } from "node:fs";
import { inTerminal } from "./terminal.mjs";

const [out, size = "", keys = "", ...command] = process.argv.slice(2);
const [columns, rows] = size.split("x").map(Number);
if (!out || !columns || !rows || command.length === 0)
  throw new Error("say OUT.cast COLUMNSxROWS KEYS COMMAND");

const lines = [JSON.stringify({ version: 2, width: columns, height: rows, env: { TERM: "xterm-256color" } })];
const terminal = inTerminal(command.join(" "), {
  columns,
  rows,
  onText: (text, ms) => lines.push(JSON.stringify([Math.round(ms) / 1000, "o", text])),
});
for (const press of keys.split(" ").filter(Boolean)) {
  const [ms, key] = press.split(/:(.*)/);
  setTimeout(() => terminal.keys(key), Number(ms));
}
process.exitCode = await terminal.ended;
writeFileSync(out, `${lines.join("\n")}\n`);
