/**
 * Decodes JPEG by libjpeg-turbo compiled to WebAssembly, to the pixels of PIL and torchvision, and PNG by pngjs. As
 * in torchvision, alpha is dropped and EXIF orientation is ignored.
 */

import { createRequire } from "node:module";
import { counted } from "@phew/core";
import { PNG } from "pngjs";
import { damagedFile } from "../files/dataFiles.ts";
import { readImageHeader } from "./header.ts";

export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** Row-major `[channels, height, width]`. */
  readonly planes: Uint8Array;
}

/** @param channels 1 for grey, 3 for colour @throws ArgumentError naming the file if it cannot be decoded */
export type Decode = (bytes: Uint8Array, channels: 1 | 3, name: string) => DecodedImage;

/** Exports of the codec's glue code. */
interface JpegModule {
  JPEGDecoder: new () => JpegDecoder;
}

interface JpegDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getFrameInfo(): { readonly width: number; readonly height: number; readonly componentCount: number };
  getDecodedBuffer(): Uint8Array;
}

let loading: Promise<Decode> | undefined;

/** Loads the decoders, once per thread. */
export function loadDecode(): Promise<Decode> {
  loading ??= newDecode();
  return loading;
}

async function newDecode(): Promise<Decode> {
  const require = createRequire(import.meta.url);
  const load = require("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs") as (options: {
    printErr: () => void;
  }) => Promise<JpegModule>;
  const { JPEGDecoder } = await load({ printErr: () => {} });
  const decoder = new JPEGDecoder();
  return (bytes, channels, name) => {
    const { kind, width, height } = readImageHeader(bytes, name);
    const { pixels, components } = kind === "png" ? png(bytes, name) : jpeg(decoder, bytes, name);
    if (pixels.length !== width * height * components)
      throw damagedFile(name, "an image of another size than its header says");
    return { width, height, planes: planesOf(pixels, components, channels) };
  };
}

function jpeg(decoder: JpegDecoder, bytes: Uint8Array, name: string) {
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
  } catch {
    // the codec throws the address of a C++ exception
    throw damagedFile(name, "a JPEG that does not decode");
  }
  const { componentCount } = decoder.getFrameInfo();
  if (componentCount !== 1 && componentCount !== 3)
    throw damagedFile(name, `a JPEG of ${counted(componentCount, "component")}, such as print uses`);
  return { pixels: decoder.getDecodedBuffer(), components: componentCount };
}

function png(bytes: Uint8Array, name: string) {
  try {
    return { pixels: PNG.sync.read(Buffer.from(bytes)).data, components: 4 };
  } catch (error) {
    throw damagedFile(name, `a PNG that does not decode (${(error as Error).message})`);
  }
}

/** @param pixels interleaved; grey is 0.299 R + 0.587 G + 0.114 B, as PIL's "L" */
function planesOf(pixels: Uint8Array, components: number, channels: 1 | 3): Uint8Array {
  const count = pixels.length / components;
  const planes = new Uint8Array(channels * count);
  for (let p = 0; p < count; p++) {
    const from = p * components;
    if (components === 1) {
      for (let c = 0; c < channels; c++) planes[c * count + p] = pixels[from]!;
    } else if (channels === 3) {
      for (let c = 0; c < 3; c++) planes[c * count + p] = pixels[from + c]!;
    } else {
      const sum = 19_595 * pixels[from]! + 38_470 * pixels[from + 1]! + 7_471 * pixels[from + 2]!;
      planes[p] = (sum + 0x8000) >> 16;
    }
  }
  return planes;
}
