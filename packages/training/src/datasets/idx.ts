/**
 * IDX files, as MNIST comes in: two zero bytes, a type byte (8 = unsigned bytes), the number of axes, the length of each
 * axis as a big-endian 32-bit number, then the values row by row.
 */
import { ArgumentError, counted } from "@phew/core";

const UNSIGNED_BYTE = 8;

export interface IdxArray {
  readonly shape: readonly number[];
  /** A view of the file. */
  readonly values: Uint8Array;
}

/**
 * @param path for messages @param axisCount 3 for images, 1 for labels
 * @throws ArgumentError if a header field is not valid or the length does not match the header
 */
export function parseIdx(bytes: Uint8Array, path: string, axisCount: number): IdxArray {
  const headerLength = 4 + 4 * axisCount;
  if (bytes.length < headerLength) {
    throw new ArgumentError(path, {
      given: counted(bytes.length, "byte"),
      expected: `an IDX header of ${counted(headerLength, "byte")} and what it announces`,
      remedy: "The file is cut short; download it again.",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expectedMagic = (UNSIGNED_BYTE << 8) | axisCount;
  if (magic !== expectedMagic) {
    throw new ArgumentError(path, {
      given: `a file that begins with ${hexadecimal(magic)}`,
      expected: `${hexadecimal(expectedMagic)}: unsigned bytes along ${axisCount === 1 ? "one axis" : counted(axisCount, "axis", "axes")}`,
      remedy:
        magic >>> 16 === 0x1f8b ? "It is compressed: its name must end in .gz." : "Is it the right file?",
    });
  }
  const shape = Array.from({ length: axisCount }, (_, axis) => view.getUint32(4 + 4 * axis));
  if (shape.some((length) => length === 0)) {
    throw new ArgumentError(path, {
      given: `an array of ${shape.join(" × ")}`,
      expected: "at least one value",
    });
  }
  // at most four 32-bit lengths: exact in float64 as long as it could be a file's length at all
  const length = headerLength + shape.reduce((product, n) => product * n, 1);
  if (bytes.length !== length) {
    throw new ArgumentError(path, {
      given: counted(bytes.length, "byte"),
      expected: `${length}, as its header says (${shape.join(" × ")})`,
      remedy:
        bytes.length < length
          ? "The file is cut short; download it again."
          : "There is something after its end.",
    });
  }
  return { shape, values: bytes.subarray(headerLength) };
}

function hexadecimal(magic: number): string {
  return `0x${magic.toString(16).padStart(8, "0")}`;
}
