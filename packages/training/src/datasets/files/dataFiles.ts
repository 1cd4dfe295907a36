/** The files of a data set in the user's folder, and their possible faults. */
import { ArgumentError, counted, downloadFault } from "@phew/core";
import type { ImageFile } from "../dataset.ts";

export interface DataFiles {
  /** Of the folder or archive, as the user named it. */
  readonly path: string;
  /** All files, as paths with `/` below it, sorted. */
  names(): Promise<readonly string[]>;
  has(name: string): Promise<boolean>;
  /** @throws ArgumentError naming the file if it cannot be read or is damaged */
  read(name: string): Promise<Uint8Array>;
  /** Location of a file that any thread can read by itself; undefined inside a compressed stream. */
  locate(name: string): ImageFile | undefined;
}

/** No single file of a supported data set is larger; a damaged or hostile archive must not fill the memory. */
export const MOST_BYTES = 2 ** 31 - 1;

/** @throws ArgumentError where an archive's entry names a place outside the archive's own folder */
export function requireInside(archive: string, name: string): void {
  const isAbsolute = name.startsWith("/") || name.startsWith("\\") || /^[a-z]:/i.test(name);
  if (!isAbsolute && !name.split(/[/\\]/).includes("..")) return;
  throw new ArgumentError(archive, {
    given: `an entry ${JSON.stringify(name)}, which climbs out of the archive's folder`,
    expected: "paths below it",
    remedy: "Do not unpack this archive; get it from its official place.",
  });
}

export function damagedFile(path: string, what: string): ArgumentError {
  return new ArgumentError(path, {
    given: what,
    expected: "a whole file",
    remedy: "It was probably cut short; download it again.",
  });
}

/** @throws ArgumentError if a file is the remains of a failed download or of a clone without its large files */
export function requireDownloaded(path: string, bytes: Uint8Array): void {
  const fault = downloadFault(bytes);
  if (fault === undefined) return;
  throw new ArgumentError(path, { given: fault.kind, expected: "the file itself", remedy: fault.remedy });
}

export function tooLarge(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: `more than ${counted(MOST_BYTES, "byte")}`,
    expected: "a file of the data set",
  });
}
