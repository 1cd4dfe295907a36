/** Numbers that are given with a graph. */

/** Parameter name → values, row-major; conv weights `[out, in / groups, kh, kw]`, dense weights `[out, in]`. */
export type Parameters = ReadonlyMap<string, ArrayLike<number>>;

export interface ForwardOptions {
  /** Training: batch normalisation uses the batch's statistics, dropout its masks. Default "evaluation". */
  readonly mode?: "evaluation" | "training";
  /** For dropout in training: node name → 1 where an element is kept, `[count, ...shape]`. Absent: all are kept. */
  readonly keptByDropout?: ReadonlyMap<string, ArrayLike<number>>;
}
