/**
 * Draws docs/images/glyphs.png: examples of all 62 characters, in order. Run after a build:
 *   node packages/training/scripts/glyphSheet.mjs
 */
import { writeFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { contactSheet } from "../dist/datasets/contactSheet.js";
import { glyphs } from "../dist/datasets/glyphs/glyphs.js";

const CLASSES = 62;
const EACH = 6;
const SIDE = 28;
const PIXELS = SIDE * SIDE;

const { train } = glyphs({ classCount: CLASSES, trainCount: CLASSES * EACH, testCount: CLASSES, seed: 0 });
const inOrder = new Uint8Array(train.pixels.length);
const seen = new Array(CLASSES).fill(0);
for (const [k, c] of train.classes.entries()) {
  const place = c * EACH + seen[c]++;
  inOrder.set(train.pixels.subarray(k * PIXELS, (k + 1) * PIXELS), place * PIXELS);
}
writeFileSync(
  new URL("../../../docs/images/glyphs.png", import.meta.url),
  png(contactSheet(inOrder, SIDE, 4 * EACH)),
);

/** A grey PNG, 8 bits a pixel, no filter. */
function png({ width, height, pixels }) {
  const rows = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const parts = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ];
  return Buffer.concat([signature, ...parts]);
}

function chunk(type, data) {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}
