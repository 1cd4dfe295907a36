/**
 * Small files appear whole: written beside their place under another name, then renamed.
 * Synchronous, because the last state of a run is written while the process is going down.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, writeFault } from "@phew/core";

/**
 * Writes or replaces `path`.
 * @param options `durable`: it outlives a crash of the machine once this returns
 * @throws ArgumentError where the folder cannot be written or the disk is full
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  { durable = false }: { readonly durable?: boolean } = {},
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.partial`);
  try {
    writeFileSync(temporary, content, { flush: durable });
    renameSync(temporary, path);
    if (durable) flushFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFault(path, error);
  }
}

/** The names in a folder outlive a crash of the machine once this returns, where the system can do that. */
export function flushFolder(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, "r");
    fsyncSync(descriptor);
  } catch {
    // not every system flushes folders
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Removes what processes that were killed left half written. */
export function removePartials(folder: string): void {
  for (const name of readdirSync(folder))
    if (/^\..*\.partial$/.test(name)) rmSync(join(folder, name), { force: true });
}

/** Makes a folder and those above it. @throws ArgumentError where that is not allowed, or a file is in the way */
export function makeFolder(path: string): void {
  try {
    // one by one: asked for several, Node calls a read-only file system a missing folder
    if (!existsSync(dirname(path))) makeFolder(dirname(path));
    mkdirSync(path);
  } catch (error) {
    const isThere = errorCode(error) === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (!isThere) throw writeFault(path, error);
  }
}
