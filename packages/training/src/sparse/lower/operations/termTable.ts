import type { AxisTerms } from "@phew/core";

/** u32[length + 1] of starts, then {u32 position, f32 factor}[] in the same words. */
export function tableOf({ places }: AxisTerms): Uint32Array {
  const terms = places.flat();
  const table = new Uint32Array(places.length + 1 + 2 * terms.length);
  const factors = new Float32Array(table.buffer);
  let start = 0;
  for (const [p, own] of places.entries()) {
    table[p] = start;
    start += own.length;
  }
  table[places.length] = start;
  for (const [k, [at, factor]] of terms.entries()) {
    table[places.length + 1 + 2 * k] = at;
    factors[places.length + 2 + 2 * k] = factor;
  }
  return table;
}
