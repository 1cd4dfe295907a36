/** Files of a `.tar` or `.tar.gz`: read in one pass, because a packed stream has no other way; those wanted stay in memory. */
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { ArgumentError, counted } from "@phew/core";
import { extract } from "tar-stream";
import { type DataFiles, damagedFile, requireInside } from "./dataFiles.ts";

/** All wanted files of an archive together. */
const MOST_KEPT_BYTES = 2 ** 31;

/** @throws ArgumentError if the archive is damaged, has paths outside its folder, or is too large */
export async function readTar(
  path: string,
  stream: Readable,
  isGzip: boolean,
  wanted: (name: string) => boolean,
): Promise<DataFiles> {
  const contents = new Map<string, Uint8Array>();
  let keptBytes = 0;
  const unpack = extract();
  unpack.on("entry", (header, entry, next) => {
    const name = header.name.replace(/^(\.\/)+/, "");
    try {
      requireInside(path, header.name);
      if (header.linkname) requireInside(path, header.linkname);
    } catch (error) {
      entry.on("error", () => {});
      unpack.destroy(error as Error);
      return;
    }
    if (header.type !== "file" || !wanted(name)) {
      entry.on("end", () => next());
      entry.resume();
      return;
    }
    const pieces: Uint8Array[] = [];
    entry.on("data", (data) => {
      const piece = data as Uint8Array;
      keptBytes += piece.length;
      if (keptBytes > MOST_KEPT_BYTES) unpack.destroy(tooMuch(path));
      else pieces.push(piece);
    });
    // the archive's own error is more precise
    entry.on("error", () => {});
    entry.on("end", () => {
      contents.set(name, Buffer.concat(pieces));
      next();
    });
  });
  const stages = isGzip ? [stream, createGunzip(), unpack] : [stream, unpack];
  await pipeline(stages as [Readable, ...NodeJS.ReadWriteStream[]]).catch((error: Error) => {
    throw error instanceof ArgumentError ? error : damagedFile(path, `a damaged archive (${error.message})`);
  });
  if (contents.size === 0) {
    throw new ArgumentError(path, {
      given: "an archive without any of the data set's files",
      expected: "the archive that holds them",
    });
  }
  return {
    path,
    names: async () => [...contents.keys()].sort(),
    has: async (name) => contents.has(name),
    read: async (name) => contents.get(name) ?? missing(path, name),
    locate: () => undefined,
  };
}

function missing(path: string, name: string): never {
  throw new ArgumentError(join(path, name), { given: "no such entry", expected: "a file of the archive" });
}

function tooMuch(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: `more than ${counted(MOST_KEPT_BYTES, "byte")} of files in a packed archive`,
    expected: "less",
    remedy: "Unpack it, and name the folder: its files are then read one by one.",
  });
}
