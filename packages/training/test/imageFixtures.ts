/** Hand-made archives and small images, written without the readers under test. */
import { crc32, deflateRawSync } from "node:zlib";

/** A tar of plain files (or links), headers written field by field. */
export function tarOf(
  files: readonly (readonly [name: string, content: Uint8Array, link?: string])[],
): Buffer {
  const blocks = files.flatMap(([name, content, link]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0, 100);
    header.write("0000644\0", 100);
    header.write("0000000\0", 108);
    header.write("0000000\0", 116);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("00000000000\0", 136);
    header.write("        ", 148);
    header.write(link === undefined ? "0" : "2", 156);
    if (link !== undefined) header.write(link, 157, 100);
    header.write("ustar\u000000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A zip, its entries deflated or stored in turn. */
export function zipOf(files: readonly (readonly [name: string, content: Uint8Array])[], flags = 0): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [k, [name, content]] of files.entries()) {
    const isPacked = k % 2 === 0;
    const data = isPacked ? deflateRawSync(content) : Buffer.from(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(isPacked ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), data]);
    const entry = Buffer.alloc(14);
    entry.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), fields, entry, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, list, end]);
}

/** 8 × 6 pixels at 4:2:0, and what libjpeg makes of it (by sharp 0.35.5): interleaved RGB. */
export const COLOUR_JPEG = Buffer.from(
  "/9j/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBweHx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wAARCAAGAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAbEAEAAAcAAAAAAAAAAAAAAAAAAwUGByEikf/EABUBAQEAAAAAAAAAAAAAAAAAAAUG/8QAGxEAAAcBAAAAAAAAAAAAAAAAAAECBQYVIwT/2gAMAwEAAhEDEQA/AIKWtnLtcw+AIGYyV1s17qCEIeO6qRqY/9k=",
  "base64",
);
export const COLOUR_PIXELS = Buffer.from(
  "BQPgFAbZMQfJUAi0cAaakAeIqwl4ugtyDyLeHiXWOyfHWCiyeiaYmSaFtSh2xCpwDU7GHFC+OVKvWFKaelCAl1FttFNew1VYDXawHHirOHmZVXqDeHhsl3lXs3lJwnxBD56iHqGbO6OMWqN2fKFemaJJtqM8xaU0F7mhJryZQryLYbx2g7xdobxJvb05zL8z",
  "base64",
);
/** The same in grey. */
export const GREY_JPEG = Buffer.from(
  "/9j/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdBRkxOUlNSMj5aYVpQYEpRUk//wAALCAAGAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABsQAAEEAwAAAAAAAAAAAAAAAAIAAQMEBhET/9oACAEBAAA/AFr48Iyb6Mv/2Q==",
  "base64",
);
export const GREY_PIXELS = Buffer.from(
  "RkVDRUxXYmlNS0pMUl1nbltZWFpgaXN5c3FwcneAiI2TkpGTl56lqq2trK6yt73B",
  "base64",
);
