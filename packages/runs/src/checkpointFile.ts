/**
 * `checkpoint.safetensors` and the one before it, `checkpoint.previous.safetensors`: tensors by name, and in the
 * metadata a state (JSON) and a digest of everything else. A file with a wrong digest is ignored. A new one is
 * written beside them, flushed, and then renamed: at every moment one complete checkpoint has its name.
 */
import { createHash } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { ArgumentError } from "@phew/core/messages";
import type { TensorFile, Tensors } from "@phew/formats/tensors";
import { modifiedT } from "./regularFile.ts";
import { flushFolder, writeFault } from "./replaceFile.ts";

export const CHECKPOINT = "checkpoint.safetensors";
export const PREVIOUS = "checkpoint.previous.safetensors";
const NEXT = "checkpoint.next.safetensors";
const DAMAGED = "checkpoint.damaged.safetensors";
/** All names a run's checkpoints may have. */
export const CHECKPOINT_FILES: readonly string[] = [CHECKPOINT, PREVIOUS, NEXT, DAMAGED];

/** The path of a file of the run as its owner writes it; see `FolderLock`. */
export type Place = (name: string) => string;

export interface Checkpoint {
  readonly tensors: Tensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes a checkpoint and deletes the one before last. @throws ArgumentError if the disk is full: the others stay */
export async function keepCheckpoint(
  place: Place,
  tensors: Tensors,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const { writeSafetensors } = await import("@phew/formats/tensors");
  const digest = digestOf(tensors, metadata);
  await writeSafetensors(place(NEXT), tensors, { ...metadata, digest }, { force: true });
  putFirst(place);
}

/**
 * The newest complete checkpoint that `accepts`; it is renamed to the first name.
 * @returns undefined if there is none
 */
export async function newestCheckpoint(
  place: Place,
  accepts: (checkpoint: Checkpoint) => boolean,
): Promise<Checkpoint | undefined> {
  for (const name of [NEXT, CHECKPOINT, PREVIOUS]) {
    const path = place(name);
    if (modifiedT(path) === undefined) continue;
    const checkpoint = await readCheckpoint(path);
    // neither must be in the way of the next: it would take the place of an older, good one
    if (checkpoint === undefined) renameSync(path, place(DAMAGED));
    else if (!accepts(checkpoint)) rmSync(path);
    if (checkpoint === undefined || !accepts(checkpoint)) continue;
    if (name === NEXT) putFirst(place);
    if (name === PREVIOUS) renameSync(path, place(CHECKPOINT));
    return checkpoint;
  }
  return undefined;
}

/** @returns undefined if the file is damaged, incomplete, or not a checkpoint */
async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  const { readSafetensors } = await import("@phew/formats/tensors");
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

function putFirst(place: Place): void {
  const first = place(CHECKPOINT);
  try {
    if (modifiedT(first) !== undefined) renameSync(first, place(PREVIOUS));
    renameSync(place(NEXT), first);
    flushFolder(dirname(first));
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
