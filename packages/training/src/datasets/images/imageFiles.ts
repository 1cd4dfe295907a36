/**
 * Images in files. As many as fit into memory are decoded at once and kept as bytes; of more, each is decoded when it is
 * asked for, and decoded images are kept until their room is full: with orders drawn anew every epoch, keeping the first
 * ones serves as many requests as any other choice.
 */
import { ArgumentError, counted } from "@phew/core";
import {
  ByteImages,
  type Classes,
  type Examples,
  type ExamplesSource,
  type ImageFileStore,
  sharedBytes,
} from "../dataset.ts";
import type { DataFiles } from "../files/dataFiles.ts";
import { readFilePart } from "../files/zipFiles.ts";
import { type ImageFrame, type Views, WindowWriter } from "../window.ts";
import { type Decode, type DecodedImage, loadDecode } from "./decode.ts";
import { readImageHeader } from "./header.ts";
import { resizeToSquare } from "./resize.ts";

export interface LabelledFile {
  readonly name: string;
  readonly class: number;
}

export type Progress = (done: number, count: number) => void;

/** Sizes over all images of a data set. */
export interface Survey {
  readonly grey: boolean;
  /** Of every image, if all are equal. */
  readonly size?: readonly [number, number];
}

/**
 * Checks every image without decoding it. @param see receives the bytes of each @throws ArgumentError naming the
 * first file that is not a complete image
 */
export async function surveyImages(
  files: DataFiles,
  list: readonly LabelledFile[],
  see: (index: number, bytes: Uint8Array) => void,
  progress: Progress,
): Promise<Survey> {
  let grey = true;
  let size: readonly [number, number] | undefined;
  let isSame = true;
  for (const [k, { name }] of list.entries()) {
    const bytes = await bytesOf(files, name);
    see(k, bytes);
    const header = readImageHeader(bytes, nameOf(files, name));
    grey &&= header.grey;
    size ??= [header.height, header.width];
    isSame &&= size[0] === header.height && size[1] === header.width;
    if (k % 256 === 0) await tell(progress, k, list.length);
  }
  return { grey, ...(isSame && size ? { size } : {}) };
}

/** Target format of all images of a data set. */
export interface ImagePlan {
  readonly frame: ImageFrame;
  /** Decoded bytes that are held in memory, of training and test images each. */
  readonly memoryBytes: number;
}

/** @throws ArgumentError naming the first file that does not decode, or saying that there is too much for memory */
export async function readImages(
  files: DataFiles,
  list: readonly LabelledFile[],
  classes: Classes,
  { frame, memoryBytes }: ImagePlan,
  progress: Progress,
): Promise<Examples> {
  const length = imageLength(frame);
  const decode = await loadDecode();
  if (list.length * length > memoryBytes) return lazyImages(files, list, classes, frame, memoryBytes, decode);
  const pixels = sharedBytes(list.length * length);
  for (const [k, { name }] of list.entries()) {
    pixels.set(storedImage(decode, await bytesOf(files, name), frame, nameOf(files, name)), k * length);
    if (k % 64 === 0) await tell(progress, k, list.length);
  }
  return new ByteImages([...frame.stored], pixels, classes, frame.normalisation!, [...frame.input]);
}

/** Images read on demand, on the calling thread. */
export class ImageFiles {
  readonly #store: ImageFileStore;
  readonly #decode: Decode;
  readonly #writer: WindowWriter;
  readonly #length: number;
  /** Decoded images in a row, and the slot + 1 of each file; 0 if it is not cached. */
  readonly #kept: Uint8Array[] = [];
  readonly #slots: Uint32Array;

  /** @param decode of this thread */
  constructor(store: ImageFileStore, decode: Decode) {
    this.#store = store;
    this.#decode = decode;
    this.#writer = new WindowWriter(store.frame);
    this.#length = imageLength(store.frame);
    this.#slots = new Uint32Array(store.files.length);
  }

  /** @throws ArgumentError naming a file that does not decode */
  fillInto(x: Float32Array, indices: ArrayLike<number>, views?: Views): void {
    for (let i = 0; i < indices.length; i++) this.#writer.write(x, i, this.#image(indices[i]!), 0, views);
  }

  #image(index: number): Uint8Array {
    const slot = this.#slots[index]!;
    if (slot > 0) return this.#kept[slot - 1]!;
    const file = this.#store.files[index]!;
    const image = storedImage(this.#decode, readFilePart(file), this.#store.frame, file.name);
    if ((this.#kept.length + 1) * this.#length <= this.#store.cacheBytes) {
      this.#kept.push(image);
      this.#slots[index] = this.#kept.length;
    }
    return image;
  }
}

function lazyImages(
  files: DataFiles,
  list: readonly LabelledFile[],
  classes: Classes,
  frame: ImageFrame,
  memoryBytes: number,
  decode: Decode,
): Examples {
  const located = list.map(({ name }) => {
    const file = files.locate(name);
    if (file !== undefined) return file;
    throw new ArgumentError(files.path, {
      given: `${counted(list.length, "image")} in a packed stream, too many to hold decoded`,
      expected: `at most ${counted(memoryBytes, "byte")} of decoded images`,
      remedy: "Unpack it, and name the folder: its files are then read one by one.",
    });
  });
  const store: ImageFileStore = { kind: "imageFiles", frame, files: located, cacheBytes: memoryBytes };
  const images = new ImageFiles(store, decode);
  const source: ExamplesSource = { store };
  return { count: list.length, classes, source, fillInto: images.fillInto.bind(images) };
}

function storedImage(decode: Decode, bytes: Uint8Array, { stored }: ImageFrame, name: string): Uint8Array {
  const [channels, height, width] = stored;
  const image: DecodedImage = decode(bytes, channels === 1 ? 1 : 3, name);
  if (image.height === height && image.width === width) return image.planes;
  return resizeToSquare(image, height);
}

/** Synchronous where possible: a hundred thousand small files take a third of the time. */
async function bytesOf(files: DataFiles, name: string): Promise<Uint8Array> {
  const file = files.locate(name);
  return file === undefined ? files.read(name) : readFilePart(file);
}

/** Yields to the event loop, such as for Ctrl-C. */
async function tell(progress: Progress, done: number, count: number): Promise<void> {
  progress(done, count);
  await new Promise((resolve) => setImmediate(resolve));
}

const imageLength = ({ stored }: ImageFrame): number => stored[0] * stored[1] * stored[2];
const nameOf = (files: DataFiles, name: string): string => `${files.path}/${name}`;
