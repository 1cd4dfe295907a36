/** Parts of a file to write: runs of bytes of known length, generated when they are written. */
import type { ByteSource } from "./source.ts";
import { bytesHeader, type Range } from "./wire.ts";

export interface Piece {
  readonly length: number;
  chunks(): Iterable<Uint8Array>;
}

/** As much of a source is in memory at a time. */
const COPY_BYTES = 2 ** 24;

export function bytesPiece(bytes: Uint8Array): Piece {
  return { length: bytes.length, chunks: () => [bytes] };
}

/** Bytes of a source as they are. */
export function copied(source: ByteSource, { start, end }: Range): Piece {
  return {
    length: end - start,
    *chunks() {
      for (let at = start; at < end; at += COPY_BYTES) yield source.bytes(at, Math.min(COPY_BYTES, end - at));
    },
  };
}

export function computed(length: number, bytes: () => Uint8Array): Piece {
  return {
    length,
    *chunks() {
      yield bytes();
    },
  };
}

export function joined(pieces: readonly Piece[]): Piece {
  return {
    length: pieces.reduce((sum, piece) => sum + piece.length, 0),
    *chunks() {
      for (const piece of pieces) yield* piece.chunks();
    },
  };
}

/** A protobuf field of bytes: tag, length and content. */
export function fieldPiece(number: number, content: Piece): Piece {
  return joined([bytesPiece(bytesHeader(number, content.length)), content]);
}
