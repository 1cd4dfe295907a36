/**
 * Small files appear whole: written beside their place under another name, then renamed.
 * Synchronous, because the last state of a run is written while the process is going down.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, normalize } from "node:path";
import { ArgumentError, errorCode, writeFault as faultOf } from "@phew/core/messages";

/**
 * Writes or replaces `path`; a link there is replaced, not followed.
 * @param options `durable`: the file survives a crash of the computer once this returns
 * @throws ArgumentError if the folder cannot be written or the disk is full
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  { durable = false }: { readonly durable?: boolean } = {},
): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, content, { flush: durable, flag: "wx" });
    renameSync(temporary, path);
    if (durable) flushFolder(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFault(path, error);
  }
}

/** As core's, but with the readable path: without the gate (see `FolderLock`). */
export function writeFault(path: string, error: unknown): Error {
  return error instanceof ArgumentError
    ? new ArgumentError(normalize(error.subject), error.fault)
    : faultOf(normalize(path), error);
}

/** A unique name beside `path`, also across computers. Not joined: the path may lead through a gate. */
export function temporaryName(path: string): string {
  return `${dirname(path)}/.${basename(path)}.${randomUUID()}.partial`;
}

/** Flushes the names in a folder to the disk, if the system can. */
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
    if (/^\..*\.partial$/.test(name)) rmSync(`${folder}/${name}`, { recursive: true, force: true });
}

/**
 * Makes a folder and its parents, but never a gate in the path (see `FolderLock`): a missing gate was removed by a
 * process that took the folder over, and its old owner could write again.
 * @throws ArgumentError if that is not allowed, or if a file is in the way
 */
export function makeFolder(path: string): void {
  try {
    const above = dirname(path);
    // one by one: asked for several, Node calls a read-only file system a missing folder
    if (basename(above) !== ".." && !existsSync(above)) makeFolder(above);
    mkdirSync(path);
  } catch (error) {
    const isThere = errorCode(error) === "EEXIST" && statSync(path, { throwIfNoEntry: false })?.isDirectory();
    if (!isThere) throw writeFault(path, error);
  }
}

/** Makes a folder to write into inside another: no link, which would lead elsewhere. @throws ArgumentError as {@link makeFolder} */
export function makeOwnFolder(path: string): void {
  makeFolder(path);
  if (lstatSync(path).isDirectory()) return;
  throw new ArgumentError(path, {
    given: "a link to a folder elsewhere",
    expected: "a folder of its own",
    remedy: "Take the link away, or choose another experiment.",
  });
}
