/** An entry in the registry of data sets. */
import type { Shape } from "@phew/core";
import type { Dataset } from "./dataset.ts";
import type { PartOptions } from "./splits.ts";

export interface DatasetOptions extends PartOptions {
  /** The folder with the data set's files, or their archive; for sets that are not embedded. */
  readonly dataDir?: string | undefined;
  /** Height and width of inputs, for images of any size. */
  readonly imageSize?: number | undefined;
  /** Subtracted from pixels / 255, and divisors of the result: one number per channel, in place of the set's own. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** Memory for decoded images of each part; images of larger sets are decoded on demand. */
  readonly memoryBytes?: number | undefined;
  /** Reads a file of named arrays, for such sets; this package has no array file formats. */
  readonly readArrays?: ((path: string) => Promise<ReadonlyMap<string, NamedArray>>) | undefined;
  /** Long reads report progress. */
  readonly progress?: ((fraction: number, note: string) => void) | undefined;
}

export interface NamedArray {
  /** In safetensors names: `U8`, `F32`, `I64` … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes for dtype `U8`; else the values as float32. */
  readonly values: Uint8Array | Float32Array;
}

/** Source of a file, as published. */
export interface Download {
  /** The first that answers is taken. */
  readonly urls: readonly string[];
  /** The name that the data set's reader looks for. */
  readonly file: string;
  readonly bytes: number;
  readonly md5: string;
}

/** What a network must take and give to learn a data set. */
export interface DatasetHead {
  /** `[channels, height, width]`, or `[features]` */
  readonly inputShape: Shape;
  readonly classCount: number;
}

export interface DatasetEntry {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** True for generated data that need no folder. */
  readonly embedded: boolean;
  /** Shape of an input and number of classes of the whole set; absent where the user's files decide. */
  readonly head?: DatasetHead;
  /** Whom to cite, and on what terms it may be used. */
  readonly source: string;
  readonly licence: string;
  /**
   * Files that `phew data fetch` downloads; absent for the user's own data, and for sets without a download address.
   */
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
