/** What the registry knows of a data set. */
import type { Dataset } from "./dataset.ts";
import type { PartOptions } from "./splits.ts";

export interface DatasetOptions extends PartOptions {
  /** The folder with the data set's files, or their archive; for sets that are not embedded. */
  readonly dataDir?: string;
  /** Height and width of inputs, for images of any size. */
  readonly imageSize?: number;
  /** Subtracted from pixels / 255, and what is left divided by: one number a channel, in place of the set's own. */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** What is held of decoded images of each part; of larger sets, images are decoded when they are wanted. */
  readonly memoryBytes?: number;
  /** Reads a file of named arrays, for sets that are such; this package knows no file formats of arrays. */
  readonly readArrays?: (path: string) => Promise<ReadonlyMap<string, NamedArray>>;
  /** Long readings tell how far they are. */
  readonly progress?: (fraction: number, note: string) => void;
}

export interface NamedArray {
  /** In safetensors names: `U8`, `F32`, `I64` … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes where the dtype is `U8`; else the values as float32. */
  readonly values: Uint8Array | Float32Array;
}

/** Where a file comes from, as its publishers say. */
export interface Download {
  /** The first that answers is taken. */
  readonly urls: readonly string[];
  /** The name that the data set's reader looks for. */
  readonly file: string;
  readonly bytes: number;
  readonly md5: string;
}

export interface DatasetEntry {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** True where the program makes the data itself and needs no folder. */
  readonly embedded: boolean;
  /** Whom to cite, and on what terms it may be used. */
  readonly source: string;
  readonly licence: string;
  /** What `phew data fetch` gets; absent: the user's own, or not to be had by one address. */
  readonly downloads?: readonly Download[];
  load(options: DatasetOptions): Promise<Dataset>;
}

/** @param bases addresses of folders that all hold the files, ending in `/` */
export function filesOf(
  bases: readonly string[],
  files: readonly (readonly [file: string, bytes: number, md5: string])[],
): Download[] {
  return files.map(([file, bytes, md5]) => ({
    urls: bases.map((base) => `${base}${file}`),
    file,
    bytes,
    md5,
  }));
}
