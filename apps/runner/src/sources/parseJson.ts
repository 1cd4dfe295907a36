import { ArgumentError } from "@phew/core";

/** @param expected what the file should be, for the message @throws ArgumentError where its text is no JSON */
export function parseJson(path: string, text: string, expected: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ArgumentError(path, {
      given: `broken JSON (${error instanceof Error ? error.message : error})`,
      expected,
    });
  }
}
