/** SHA-256 of files, each read once by a process as long as it stays the same. */
import { createHash } from "node:crypto";
import { readSync, statSync } from "node:fs";
import { withFileSync } from "@phew/formats";

const PIECE_BYTES = 1 << 20;
const known = new Map<string, string>();

/**
 * Of the contents of all files one behind the other: of one alone what `sha256sum` says.
 * @returns `sha256:` and 64 hexadecimal digits
 * @throws ArgumentError if one cannot be read
 */
export function digestOfFiles(files: readonly string[]): string {
  const key = JSON.stringify(files.map(stampOf));
  const before = known.get(key);
  if (before !== undefined) return before;
  const hash = createHash("sha256");
  const piece = new Uint8Array(PIECE_BYTES);
  for (const file of files) {
    withFileSync(file, (descriptor) => {
      let at = 0;
      for (let length = 1; length > 0; at += length) {
        length = readSync(descriptor, piece, 0, piece.length, at);
        hash.update(piece.subarray(0, length));
      }
    });
  }
  const digest = `sha256:${hash.digest("hex")}`;
  known.set(key, digest);
  return digest;
}

/** What changes with a file's contents. */
function stampOf(file: string): string[] {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return [file, ...(stat === undefined ? [] : [stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].map(String))];
}
