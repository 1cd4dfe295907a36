import { damagedFile } from "../files/dataFiles.ts";

export interface ImageHeader {
  readonly kind: "jpeg" | "png";
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
}

/** 100 million: no photograph of a data set is larger. */
const MOST_PIXELS = 1e8;

/** @param name for messages @throws ArgumentError if the bytes are not a complete JPEG or PNG */
export function readImageHeader(bytes: Uint8Array, name: string): ImageHeader {
  const header = isPng(bytes) ? pngHeader(bytes, name) : jpegHeader(bytes, name);
  const { width, height } = header;
  if (width === 0 || height === 0 || width * height > MOST_PIXELS)
    throw damagedFile(name, `an image of ${width} × ${height} pixels`);
  return header;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function isPng(bytes: Uint8Array): boolean {
  return PNG_SIGNATURE.every((byte, k) => bytes[k] === byte);
}

function pngHeader(bytes: Uint8Array, name: string): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // signature, length and name of IHDR, 13 bytes; at the end length, name and check of IEND
  if (bytes.length < 8 + 8 + 13 || view.getUint32(12) !== 0x49484452)
    throw damagedFile(name, "a PNG without its header");
  if (view.getUint32(bytes.length - 8) !== 0x49454e44) throw damagedFile(name, "a PNG without its end");
  const colour = bytes[25]!;
  return { kind: "png", width: view.getUint32(16), height: view.getUint32(20), grey: (colour & 3) === 0 };
}

function jpegHeader(bytes: Uint8Array, name: string): ImageHeader {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw damagedFile(name, "a file that is no JPEG and no PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1]!;
    // fill bytes, and markers without a body
    if (marker === 0xff) at++;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (isFrame(marker)) {
      if (at + 10 > bytes.length) break;
      if (!endsWell(bytes)) throw damagedFile(name, "a JPEG without its end");
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      return { kind: "jpeg", width, height, grey: bytes[at + 9] === 1 };
    } else {
      const length = view.getUint16(at + 2);
      if (length < 2) break;
      at += 2 + length;
    }
  }
  throw damagedFile(name, "a JPEG without its header");
}

/** SOF0 to SOF15 but for tables that have numbers among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** The end marker is last, before padding that some cameras write. */
function endsWell(bytes: Uint8Array): boolean {
  let end = bytes.length;
  while (end > 2 && bytes[end - 1] === 0) end--;
  for (let at = end - 2; at >= Math.max(2, end - 64); at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}
