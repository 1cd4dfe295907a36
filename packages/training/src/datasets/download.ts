/**
 * Downloads a file completely or not at all: into `NAME.part` beside it, resumed by HTTP Range after an interruption,
 * checked by size and MD5, then renamed.
 * @see RFC 9110, section 14 (range requests)
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ArgumentError, counted, errorCode } from "@phew/core";
import type { Download } from "./entry.ts";

export interface DownloadOptions {
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly progress?: (doneBytes: number, bytes: number) => void;
  /** Tries per address, each from where the last ended; default 5. */
  readonly tries?: number;
}

const USUAL_TRIES = 5;

/**
 * @returns the file's path, and whether it was there already
 * @throws ArgumentError if no address provides the file, or if the result is not the published file; signal.reason
 */
export async function download(
  file: Download,
  options: DownloadOptions,
): Promise<{ readonly path: string; readonly present: boolean }> {
  const path = join(options.folder, file.file);
  if ((await stat(path).catch(() => undefined)) !== undefined) {
    if ((await md5Of(path)) === file.md5) return { path, present: true };
    throw new ArgumentError(path, {
      given: "a file of another content than published",
      expected: `MD5 ${file.md5}`,
      remedy: "Move it away, and fetch again.",
    });
  }
  await makeFolder(dirname(path));
  const faults: string[] = [];
  for (const url of file.urls) {
    const fault = await fetchTo(`${path}.part`, url, file, options);
    if (fault === undefined) {
      await rename(`${path}.part`, path);
      return { path, present: false };
    }
    faults.push(`${url}: ${fault}`);
  }
  throw new ArgumentError(file.file, {
    given: faults.join("; "),
    expected: `${counted(file.bytes, "byte")} with MD5 ${file.md5}`,
    remedy:
      "Fetch again to go on where it broke off, or get the file yourself and name its folder with --data-dir.",
  });
}

/** With those above it, one by one: asked for several, Node calls a read-only file system a missing folder. */
async function makeFolder(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error) => {
    // another process may have made it just now
    if (errorCode(error) !== "EEXIST") throw error;
  });
}

/** @returns the error; undefined if the complete file is in `part`, checked */
async function fetchTo(
  part: string,
  url: string,
  file: Download,
  options: DownloadOptions,
): Promise<string | undefined> {
  let fault = "no try";
  for (let k = 0; k < (options.tries ?? USUAL_TRIES); k++) {
    options.signal?.throwIfAborted();
    try {
      const refused = await goOn(part, url, file, options);
      if (refused !== undefined) return refused;
    } catch (error) {
      options.signal?.throwIfAborted();
      // a full disk is no matter of the network
      if (isSystemFault(error)) throw error;
      fault = `broke off (${messageOf(error)})`;
      continue;
    }
    const { size } = await stat(part);
    if (size < file.bytes) {
      fault = `ended after ${size} of ${counted(file.bytes, "byte")}`;
      continue;
    }
    if (size === file.bytes && (await md5Of(part)) === file.md5) return undefined;
    // wrong bytes are of no use for a next try
    await rm(part, { force: true });
    return size === file.bytes
      ? "gave a file with another MD5"
      : `gave ${counted(size, "byte")}, not ${file.bytes}`;
  }
  return fault;
}

/** Appends the missing bytes. @returns a permanent error of the server @throws on a broken connection */
async function goOn(
  part: string,
  url: string,
  { bytes }: Download,
  { signal, progress }: DownloadOptions,
): Promise<string | undefined> {
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (have >= bytes) return undefined;
  const response = await fetch(url, {
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
    ...(signal && { signal }),
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    return `answered ${response.status} ${response.statusText}`.trim();
  }
  // a server that does not know ranges, or gives another one, starts from the beginning
  const isRest =
    response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${have}-`);
  if (response.status === 206 && !isRest) {
    await response.body.cancel();
    await rm(part, { force: true });
    return "gave another part of the file than was asked for";
  }
  const handle = await open(part, isRest ? "a" : "w");
  try {
    let done = isRest ? have : 0;
    for await (const piece of response.body) {
      done += piece.length;
      await handle.appendFile(piece);
      // more than published is not written on and on
      if (done > bytes) break;
      progress?.(done, bytes);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return undefined;
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

function isSystemFault(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "path" in error;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
