/** Typed arrays that are written while they are made, and by nobody after that. JavaScript cannot freeze one: its type says so. */

type Writing = "set" | "fill" | "sort" | "reverse" | "copyWithin" | "subarray" | "buffer";

/** An array without what writes to it, or gives access to its bytes. */
export type Fixed<A extends Uint32Array | Uint16Array | Uint8Array> = Omit<A, Writing | number> & {
  readonly [index: number]: number;
};
