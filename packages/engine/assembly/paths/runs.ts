/**
 * Sums over runs of a source, two float64 at a time:
 *   sumRuns:  out[·] = value + Σ_entries θ' · source[offset + ·];   dotRuns:  gradient[index] += Σ g[·] · source[offset + ·]
 * Sums of up to sixteen places stay in registers over all entries.
 */
import { ENTRY_BYTES } from "./entries";

/** @param count vectors of the run */
export function sumRuns(out: usize, count: u32, value: f64, source: usize, entries: usize, end: usize): void {
  const start = f64x2.splat(value);
  while (count >= 8) {
    sumBlock(8, out, start, source, entries, end);
    out += 128;
    source += 128;
    count -= 8;
  }
  if (count == 1) sumBlock(1, out, start, source, entries, end);
  else if (count == 2) sumBlock(2, out, start, source, entries, end);
  else if (count == 3) sumBlock(3, out, start, source, entries, end);
  else if (count == 4) sumBlock(4, out, start, source, entries, end);
  else if (count == 5) sumBlock(5, out, start, source, entries, end);
  else if (count == 6) sumBlock(6, out, start, source, entries, end);
  else if (count == 7) sumBlock(7, out, start, source, entries, end);
}

/** @param n vectors, 1 to 8, a literal */
@inline
function sumBlock(n: u32, out: usize, start: v128, source: usize, entry: usize, end: usize): void {
  let a = start, b = start, c = start, d = start, e = start, f = start, g = start, h = start;
  for (; entry < end; entry += ENTRY_BYTES) {
    const x = source + load<u32>(entry);
    const w = v128.load_splat<f64>(entry, 8);
    a = f64x2.add(a, f64x2.mul(w, v128.load(x)));
    if (n > 1) b = f64x2.add(b, f64x2.mul(w, v128.load(x, 16)));
    if (n > 2) c = f64x2.add(c, f64x2.mul(w, v128.load(x, 32)));
    if (n > 3) d = f64x2.add(d, f64x2.mul(w, v128.load(x, 48)));
    if (n > 4) e = f64x2.add(e, f64x2.mul(w, v128.load(x, 64)));
    if (n > 5) f = f64x2.add(f, f64x2.mul(w, v128.load(x, 80)));
    if (n > 6) g = f64x2.add(g, f64x2.mul(w, v128.load(x, 96)));
    if (n > 7) h = f64x2.add(h, f64x2.mul(w, v128.load(x, 112)));
  }
  v128.store(out, a);
  if (n > 1) v128.store(out, b, 16);
  if (n > 2) v128.store(out, c, 32);
  if (n > 3) v128.store(out, d, 48);
  if (n > 4) v128.store(out, e, 64);
  if (n > 5) v128.store(out, f, 80);
  if (n > 6) v128.store(out, g, 96);
  if (n > 7) v128.store(out, h, 112);
}

/** @param gradient f64, one an index. @param count vectors of the run */
export function dotRuns(gradient: usize, g: usize, count: u32, source: usize, entries: usize, end: usize): void {
  const bytes = <usize>count << 4;
  let entry = entries;
  for (; entry + 3 * ENTRY_BYTES < end; entry += 4 * ENTRY_BYTES) {
    dotFour(gradient, g, bytes, source, entry);
  }
  for (; entry < end; entry += ENTRY_BYTES) dotOne(gradient, g, bytes, source, entry);
}

@inline
function dotFour(gradient: usize, g: usize, bytes: usize, source: usize, entry: usize): void {
  let x0 = source + load<u32>(entry);
  let x1 = source + load<u32>(entry, 16);
  let x2 = source + load<u32>(entry, 32);
  let x3 = source + load<u32>(entry, 48);
  let a = f64x2.splat(0), b = a, c = a, d = a, e = a, f = a, h = a, i = a;
  let at = g;
  for (const pairEnd = g + (bytes & ~31); at < pairEnd; at += 32) {
    const s = v128.load(at);
    const t = v128.load(at, 16);
    a = f64x2.add(a, f64x2.mul(s, v128.load(x0)));
    b = f64x2.add(b, f64x2.mul(s, v128.load(x1)));
    c = f64x2.add(c, f64x2.mul(s, v128.load(x2)));
    d = f64x2.add(d, f64x2.mul(s, v128.load(x3)));
    e = f64x2.add(e, f64x2.mul(t, v128.load(x0, 16)));
    f = f64x2.add(f, f64x2.mul(t, v128.load(x1, 16)));
    h = f64x2.add(h, f64x2.mul(t, v128.load(x2, 16)));
    i = f64x2.add(i, f64x2.mul(t, v128.load(x3, 16)));
    x0 += 32;
    x1 += 32;
    x2 += 32;
    x3 += 32;
  }
  if (at < g + bytes) {
    const s = v128.load(at);
    a = f64x2.add(a, f64x2.mul(s, v128.load(x0)));
    b = f64x2.add(b, f64x2.mul(s, v128.load(x1)));
    c = f64x2.add(c, f64x2.mul(s, v128.load(x2)));
    d = f64x2.add(d, f64x2.mul(s, v128.load(x3)));
  }
  addTo(gradient, entry, f64x2.add(a, e));
  addTo(gradient, entry + 16, f64x2.add(b, f));
  addTo(gradient, entry + 32, f64x2.add(c, h));
  addTo(gradient, entry + 48, f64x2.add(d, i));
}

@inline
function dotOne(gradient: usize, g: usize, bytes: usize, source: usize, entry: usize): void {
  let x = source + load<u32>(entry);
  let a = f64x2.splat(0);
  for (const end = g + bytes; g < end; g += 16) {
    a = f64x2.add(a, f64x2.mul(v128.load(g), v128.load(x)));
    x += 16;
  }
  addTo(gradient, entry, a);
}

@inline
function addTo(gradient: usize, entry: usize, sum: v128): void {
  const at = gradient + (<usize>load<u32>(entry, 4) << 3);
  store<f64>(at, load<f64>(at) + f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
}
