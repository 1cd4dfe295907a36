import { ArgumentError } from "@phew/core";

/** @param expected the expected kind of file, for the message @throws ArgumentError if its text is not JSON */
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
