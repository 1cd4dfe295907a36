/**
 * `checkpoint.safetensors` and the one before it, `checkpoint.previous.safetensors`: tensors under their names, and in the
 * metadata a state (JSON) and a digest over everything else. A file whose digest does not hold is as good as none.
 * A new one is written beside them, flushed, and then renamed: at every moment one whole checkpoint has its name.
 */
import { createHash } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ArgumentError, writeFault } from "@phew/core";
import type { TensorFile, Tensors } from "@phew/formats";
import { flushFolder } from "./replaceFile.ts";

export const CHECKPOINT = "checkpoint.safetensors";
export const PREVIOUS = "checkpoint.previous.safetensors";
const NEXT = "checkpoint.next.safetensors";
const DAMAGED = "checkpoint.damaged.safetensors";
/** All names a run's checkpoints may have. */
export const CHECKPOINT_FILES: readonly string[] = [CHECKPOINT, PREVIOUS, NEXT, DAMAGED];

export interface Checkpoint {
  readonly tensors: Tensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Keeps a checkpoint; the one before last goes. @throws ArgumentError where the disk is full: the others stay */
export async function keepCheckpoint(
  folder: string,
  tensors: Tensors,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const { writeSafetensors } = await import("@phew/formats");
  const next = join(folder, NEXT);
  const digest = digestOf(tensors, metadata);
  await writeSafetensors(next, tensors, { ...metadata, digest }, { force: true });
  putFirst(next);
}

/**
 * The newest checkpoint that is whole and that `accepts`; it has the first name afterwards.
 * @returns undefined where there is none
 */
export async function newestCheckpoint(
  folder: string,
  accepts: (checkpoint: Checkpoint) => boolean,
): Promise<Checkpoint | undefined> {
  for (const name of [NEXT, CHECKPOINT, PREVIOUS]) {
    const path = join(folder, name);
    if (!existsSync(path)) continue;
    const checkpoint = await readCheckpoint(path);
    // neither must be in the way of the next: it would take the place of an older, good one
    if (checkpoint === undefined) renameSync(path, join(folder, DAMAGED));
    else if (!accepts(checkpoint)) rmSync(path);
    if (checkpoint === undefined || !accepts(checkpoint)) continue;
    if (name === NEXT) putFirst(path);
    if (name === PREVIOUS) renameSync(path, join(folder, CHECKPOINT));
    return checkpoint;
  }
  return undefined;
}

/** @returns undefined where the file is damaged, half written, or no checkpoint */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  const { readSafetensors } = await import("@phew/formats");
  let file: TensorFile;
  try {
    file = await readSafetensors(path);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
  const { digest, ...metadata } = file.metadata;
  return digest === digestOf(file.tensors, metadata) ? { tensors: file.tensors, metadata } : undefined;
}

function putFirst(next: string): void {
  const folder = dirname(next);
  const first = join(folder, CHECKPOINT);
  try {
    if (existsSync(first)) renameSync(first, join(folder, PREVIOUS));
    renameSync(next, first);
    flushFolder(folder);
  } catch (error) {
    throw writeFault(first, error);
  }
}

/** SHA-256 over names, types, shapes and bytes of all tensors and over the metadata, each in the order of names. */
function digestOf(tensors: Tensors, metadata: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256");
  for (const key of Object.keys(metadata).sort()) hash.update(JSON.stringify([key, metadata[key]]));
  for (const name of [...tensors.keys()].sort()) {
    const { dtype, shape, data } = tensors.get(name)!;
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(data);
  }
  return `sha256:${hash.digest("hex")}`;
}
