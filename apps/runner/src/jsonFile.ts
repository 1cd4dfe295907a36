/** JSON documents that a user writes or hands over. */
import { readFileSync } from "node:fs";
import { ArgumentError } from "@phew/core";

/** @param expected what the file should be, for the message @throws ArgumentError where it is no JSON */
export function readJsonFile(path: string, expected: string): unknown {
  const text = readFileSync(path, "utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(path, {
      given: `broken JSON (${error instanceof Error ? error.message : error})`,
      expected,
    });
  }
}
