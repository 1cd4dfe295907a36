/** Positions that tables name, over `[n, h, w, c]` arrays. */
import type { AxisTerms } from "@phew/core";

/** Calls `visit` with (output, input, factor), the indices of channel 0, for every term of every position. */
export function forEachTerm(
  count: number,
  channels: number,
  { rows, columns }: { readonly rows: AxisTerms; readonly columns: AxisTerms },
  visit: (to: number, from: number, factor: number) => void,
): void {
  const [height, width] = [rows.places.length, columns.places.length];
  for (let n = 0; n < count; n++) {
    for (const [p, rowTerms] of rows.places.entries()) {
      for (const [q, columnTerms] of columns.places.entries()) {
        const to = ((n * height + p) * width + q) * channels;
        for (const [i, a] of rowTerms)
          for (const [j, b] of columnTerms)
            visit(to, ((n * rows.from + i) * columns.from + j) * channels, a * b);
      }
    }
  }
}
