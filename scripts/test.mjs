/**
 * Sets up, then runs every test of the workspace, the long ones with PHEW_TEST_LARGE=1; the last line counts them.
 *   --part K   of the long tests part K (longParts.mjs), or "today" for the one whose day it is: nothing else with
 *              PHEW_TEST_LARGE=1, else behind all usual tests
 * Other arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { longPart } from "./longParts.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
const reporters = ["--reporter=default", `--reporter=${path.join(root, "scripts", "countReporter.mjs")}`];
const { part, others } = argumentsOf(process.argv.slice(2));

await import("./setup.mjs");
const folder = mkdtempSync(path.join(tmpdir(), "phew-tests-"));
const countsFile = path.join(folder, "counts.json");
writeFileSync(countsFile, JSON.stringify({ passed: 0, failed: 0, skipped: 0 }));
let status = 0;
if (part === undefined || !process.env.PHEW_TEST_LARGE) run(others);
if (part !== undefined) {
  console.log(`\nLong tests, part ${part.number} of ${part.count}, turn ${part.turn}: ${part.file}`);
  run([part.file, ...others], { PHEW_TEST_LARGE: "1", PHEW_TEST_TURN: `${part.turn}` });
}
const { passed, failed, skipped } = JSON.parse(readFileSync(countsFile, "utf8"));
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(status);

function argumentsOf(given) {
  const at = given.findIndex((arg) => /^--part(=|$)/.test(arg));
  if (at < 0) return { others: given };
  const [, inline] = given[at].split("=");
  const [, next] = given.splice(at, inline === undefined ? 2 : 1);
  try {
    return { part: longPart(root, inline ?? next), others: given };
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}

/** One run of vitest; its tests are added to those that were counted before. */
function run(args, environment = {}) {
  const result = spawnSync(process.execPath, [vitest, "run", ...reporters, ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ...environment, PHEW_TEST_COUNTS: countsFile },
  });
  status ||= result.status ?? 1;
}
