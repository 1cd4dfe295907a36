/** Finds and reads the files of a data set in the user's folder. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ArgumentError } from "@phew/core";

/** No file of a supported data set is larger; a damaged or hostile archive must not fill the memory. */
const MOST_BYTES = 512 * 1024 * 1024;

/** @throws ArgumentError where the path is not a folder */
export async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new ArgumentError("data folder", {
    given: found === undefined ? `"${folder}", which does not exist` : `"${folder}", which is a file`,
    expected: "the folder that holds the data set's files",
  });
}

/**
 * Reads the first file of `names` that is in the folder; `.gz` is unpacked.
 * @throws ArgumentError where none is there, saying what was looked for, or the file cannot be read or unpacked
 */
export async function readDataFile(
  folder: string,
  names: readonly string[],
): Promise<{ readonly path: string; readonly bytes: Uint8Array }> {
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) continue;
    if (!found.isFile()) throw new ArgumentError(path, { given: "a folder", expected: "a file" });
    if (found.size > MOST_BYTES) throw tooLarge(path);
    const bytes = await readFile(path).catch((error: Error) => {
      throw new ArgumentError(path, {
        given: `a file that cannot be read (${error.message})`,
        expected: "a readable file",
      });
    });
    return { path, bytes: name.endsWith(".gz") ? unpacked(bytes, path) : bytes };
  }
  throw new ArgumentError("data folder", {
    given: `"${folder}" without ${names[0]}`,
    expected: `one of the files ${names.join(", ")} in it`,
  });
}

function unpacked(bytes: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MOST_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(path);
    throw new ArgumentError(path, {
      given: `a gzip file that does not unpack (${(error as Error).message})`,
      expected: "a whole gzip file",
      remedy: "It was probably cut short; download it again.",
    });
  }
}

function tooLarge(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: `more than ${MOST_BYTES} bytes`,
    expected: "a file of the data set",
  });
}
