/**
 * Softmax attention, head by head and row by row of tokens, as core's operations/attention.ts defines it:
 *   s_tk = scale · Σ_c q_ct·k_ck + mask_tk,   p = softmax(s),   y_ut = Σ_k p_tk·v_uk
 * its way back, for a gradient g of y:
 *   p'_tk = Σ_u g_ut·v_uk,   s' = p ∘ (p' − Σ_k p·p')
 *   q'_ct = scale · Σ_k s'_tk·k_ck,   k'_ck = scale · Σ_t s'_tk·q_ct,   v'_uk = Σ_t p_tk·g_ut
 * and all of it along a direction (dots):
 *   ṡ = scale · (q̇·k + q·k̇),   ṗ = p ∘ (ṡ − Σ_k p·ṡ),   ẏ = ṗ·v + p·v̇,   ṗ' = ġ·v + g·v̇
 *   ṡ' = ṗ ∘ (p' − Σ p·p') + p ∘ (ṗ' − Σ (ṗ·p' + p·ṗ')),   and products by the product rule
 * Rows of p are computed again wherever they are needed: none outlives its query.
 */
import { exp } from "./exponential";
import { blockOf, tensorAt } from "./layout";

@unmanaged
export class Attention {
  /** Tensor records; a row holds the tokens of a window. */
  queries: usize;
  keys: usize;
  values: usize;
  /** y, or ẏ. */
  output: usize;
  /** Of the way back: g. */
  gradient: usize;
  /** Along a direction: q̇, k̇, v̇, ġ. */
  queryTangent: usize;
  keyTangent: usize;
  valueTangent: usize;
  gradientTangent: usize;
  /** Gradients that are added to; 0 where none is wanted. */
  queryTarget: usize;
  keyTarget: usize;
  valueTarget: usize;
  /** Scratch tensor of four units, one row of keys each: p, p', ṗ, ṗ'; s' and ṡ' take the places of p' and ṗ'. */
  rows: usize;
  /** u32[headCount]: numbers of the heads that are stored. */
  heads: usize;
  headCount: u32;
  /** f32[maskHeads][maskWindows][queries][keys], or 0. */
  mask: usize;
  maskHeads: u32;
  maskWindows: u32;
  scale: f32;
}

// the query that is being computed: a head among those stored, a window and a token, of four images
let block: u32 = 0;
let head: u32 = 0;
let window: u32 = 0;
let token: u32 = 0;
let lane: usize = 0;

/** Address of a token of a head's first unit. */
@inline
function headAt(address: usize, depth: u32, position: u32): usize {
  const tensor = tensorAt(address);
  return (
    blockOf(tensor, block) +
    <usize>(head * depth) * tensor.unitBytes +
    <usize>window * tensor.rowBytes +
    <usize>position * tensor.pixelBytes +
    lane
  );
}

/** Address of one of the four rows of scratch. */
@inline
function rowAt(op: Attention, row: u32): usize {
  const rows = tensorAt(op.rows);
  return blockOf(rows, block) + <usize>row * rows.unitBytes + lane;
}

@inline
function depthOf(op: Attention, address: usize): u32 {
  return tensorAt(address).units / op.headCount;
}

/** sum + Σ over the head's units of a · b */
@inline
function summed(sum: v128, a: usize, aStep: usize, b: usize, bStep: usize, count: u32): v128 {
  for (let c: u32 = 0; c < count; c++) {
    sum = f32x4.add(sum, f32x4.mul(v128.load(a), v128.load(b)));
    a += aStep;
    b += bStep;
  }
  return sum;
}

/** Into a row, or onto it: for each key the sum over the head's units of `one` at the query · `other` at the key. */
function products(op: Attention, row: u32, one: usize, other: usize, add: bool): void {
  const first = tensorAt(one);
  const second = tensorAt(other);
  const depth = depthOf(op, one);
  const step = tensorAt(op.rows).pixelBytes;
  const a = headAt(one, depth, token);
  let b = headAt(other, depth, 0);
  let to = rowAt(op, row);
  for (let k: u32 = 0; k < second.width; k++) {
    const start = add ? v128.load(to) : f32x4.splat(0);
    v128.store(to, summed(start, a, first.unitBytes, b, second.unitBytes, depth));
    b += second.pixelBytes;
    to += step;
  }
}

/** For each unit of the head, onto `target` at the query: factor · Σ over keys of the row · `other` at the key. */
function addByKeys(op: Attention, target: usize, row: u32, other: usize, factor: f32): void {
  const to = tensorAt(target);
  const from = tensorAt(other);
  const depth = depthOf(op, other);
  const step = tensorAt(op.rows).pixelBytes;
  let y = headAt(target, depth, token);
  let x = headAt(other, depth, 0);
  for (let c: u32 = 0; c < depth; c++) {
    const sum = summed(f32x4.splat(0), rowAt(op, row), step, x, from.pixelBytes, from.width);
    v128.store(y, f32x4.add(v128.load(y), f32x4.mul(sum, f32x4.splat(factor))));
    y += to.unitBytes;
    x += from.unitBytes;
  }
}

/** For each unit of the head and each key, onto `target` at the key: factor · the row · `other` at the query. */
function addToKeys(op: Attention, target: usize, row: u32, other: usize, factor: f32): void {
  const to = tensorAt(target);
  const from = tensorAt(other);
  const depth = depthOf(op, other);
  const step = tensorAt(op.rows).pixelBytes;
  let z = headAt(target, depth, 0);
  let x = headAt(other, depth, token);
  for (let c: u32 = 0; c < depth; c++) {
    const own = f32x4.mul(v128.load(x), f32x4.splat(factor));
    let y = z;
    let p = rowAt(op, row);
    for (let k: u32 = 0; k < to.width; k++) {
      v128.store(y, f32x4.add(v128.load(y), f32x4.mul(own, v128.load(p))));
      y += to.pixelBytes;
      p += step;
    }
    z += to.unitBytes;
    x += from.unitBytes;
  }
}

/** What the mask has for the first key of the query; 0 without one. */
function maskRow(op: Attention, keys: u32): usize {
  if (op.mask == 0) return 0;
  const number = load<u32>(op.heads + (<usize>head << 2));
  const plane = (op.maskHeads > 1 ? number : 0) * op.maskWindows + (op.maskWindows > 1 ? window : 0);
  return op.mask + ((<usize>(plane * tensorAt(op.queries).width + token) * keys) << 2);
}

/** Row 0 ← p */
function probabilities(op: Attention): void {
  const keys = tensorAt(op.keys).width;
  const step = tensorAt(op.rows).pixelBytes;
  const lowest = f32x4.splat(-Infinity);
  products(op, 0, op.queries, op.keys, false);
  let mask = maskRow(op, keys);
  let most = lowest;
  let p = rowAt(op, 0);
  for (let k: u32 = 0; k < keys; k++) {
    let score = f32x4.mul(v128.load(p), f32x4.splat(op.scale));
    if (mask) {
      score = f32x4.add(score, f32x4.splat(load<f32>(mask)));
      mask += 4;
    }
    v128.store(p, score);
    most = f32x4.max(most, score);
    p += step;
  }
  let sum = f32x4.splat(0);
  p = rowAt(op, 0);
  for (let k: u32 = 0; k < keys; k++) {
    const score = v128.load(p);
    // what is excluded has no weight; exp would saturate
    const power = v128.and(exp(f32x4.sub(score, most)), f32x4.ne(score, lowest));
    v128.store(p, power);
    sum = f32x4.add(sum, power);
    p += step;
  }
  const share = v128.and(f32x4.div(f32x4.splat(1), sum), f32x4.ne(sum, f32x4.splat(0)));
  p = rowAt(op, 0);
  for (let k: u32 = 0; k < keys; k++) {
    v128.store(p, f32x4.mul(v128.load(p), share));
    p += step;
  }
}

/** Row `to` ← factor · weights ∘ (x − Σ weights · x), of row `x`; rows `to` and `x` may be one. */
function centred(op: Attention, to: u32, weights: u32, x: u32, factor: f32): void {
  const keys = tensorAt(op.keys).width;
  const step = tensorAt(op.rows).pixelBytes;
  const mean = summed(f32x4.splat(0), rowAt(op, weights), step, rowAt(op, x), step, keys);
  let w = rowAt(op, weights);
  let from = rowAt(op, x);
  let target = rowAt(op, to);
  for (let k: u32 = 0; k < keys; k++) {
    const value = f32x4.mul(v128.load(w), f32x4.sub(v128.load(from), mean));
    v128.store(target, f32x4.mul(value, f32x4.splat(factor)));
    w += step;
    from += step;
    target += step;
  }
}

/** Row 2 ← ṗ, of p in row 0 */
function probabilityTangents(op: Attention): void {
  products(op, 2, op.queryTangent, op.keys, false);
  products(op, 2, op.queries, op.keyTangent, true);
  centred(op, 2, 0, 2, op.scale);
}

/** Row 3 ← ṡ', row 1 ← s', of p, p', ṗ and ṗ' in rows 0 to 3 */
function scoreGradientTangents(op: Attention): void {
  const keys = tensorAt(op.keys).width;
  const step = tensorAt(op.rows).pixelBytes;
  const zero = f32x4.splat(0);
  const mean = summed(zero, rowAt(op, 0), step, rowAt(op, 1), step, keys);
  const change = summed(zero, rowAt(op, 2), step, rowAt(op, 1), step, keys);
  const meanTangent = summed(change, rowAt(op, 0), step, rowAt(op, 3), step, keys);
  let at: usize = 0;
  for (let k: u32 = 0; k < keys; k++) {
    const p = v128.load(rowAt(op, 0) + at);
    const pTangent = v128.load(rowAt(op, 2) + at);
    const deviation = f32x4.sub(v128.load(rowAt(op, 1) + at), mean);
    const deviationTangent = f32x4.sub(v128.load(rowAt(op, 3) + at), meanTangent);
    v128.store(rowAt(op, 1) + at, f32x4.mul(p, deviation));
    v128.store(rowAt(op, 3) + at, f32x4.add(f32x4.mul(pTangent, deviation), f32x4.mul(p, deviationTangent)));
    at += step;
  }
}

@inline
function clearOutput(op: Attention): void {
  const output = tensorAt(op.output);
  const depth = output.units / op.headCount;
  let y = headAt(op.output, depth, token);
  for (let c: u32 = 0; c < depth; c++) {
    v128.store(y, f32x4.splat(0));
    y += output.unitBytes;
  }
}

@inline
function value(op: Attention): void {
  probabilities(op);
  clearOutput(op);
  addByKeys(op, op.output, 0, op.values, 1);
}

@inline
function tangent(op: Attention): void {
  probabilities(op);
  probabilityTangents(op);
  clearOutput(op);
  addByKeys(op, op.output, 2, op.values, 1);
  addByKeys(op, op.output, 0, op.valueTangent, 1);
}

@inline
function gradient(op: Attention): void {
  probabilities(op);
  products(op, 1, op.gradient, op.values, false);
  centred(op, 1, 0, 1, 1);
  if (op.queryTarget) addByKeys(op, op.queryTarget, 1, op.keys, op.scale);
  if (op.keyTarget) addToKeys(op, op.keyTarget, 1, op.queries, op.scale);
  if (op.valueTarget) addToKeys(op, op.valueTarget, 0, op.gradient, 1);
}

@inline
function gradientTangent(op: Attention): void {
  probabilities(op);
  products(op, 1, op.gradient, op.values, false);
  probabilityTangents(op);
  products(op, 3, op.gradientTangent, op.values, false);
  products(op, 3, op.gradient, op.valueTangent, true);
  scoreGradientTangents(op);
  if (op.queryTarget) {
    addByKeys(op, op.queryTarget, 3, op.keys, op.scale);
    addByKeys(op, op.queryTarget, 1, op.keyTangent, op.scale);
  }
  if (op.keyTarget) {
    addToKeys(op, op.keyTarget, 3, op.queries, op.scale);
    addToKeys(op, op.keyTarget, 1, op.queryTangent, op.scale);
  }
  if (op.valueTarget) {
    addToKeys(op, op.valueTarget, 2, op.gradient, 1);
    addToKeys(op, op.valueTarget, 0, op.gradientTangent, 1);
  }
}

const VALUE: u32 = 0;
const TANGENT: u32 = 1;
const GRADIENT: u32 = 2;
const GRADIENT_TANGENT: u32 = 3;

/** `step` is a literal. */
@inline
function forEachQuery(op: Attention, block_: u32, step: u32): void {
  const queries = tensorAt(op.queries);
  block = block_;
  for (head = 0; head < op.headCount; head++) {
    for (window = 0; window < queries.height; window++) {
      for (token = 0; token < queries.width; token++) {
        for (lane = 0; lane < queries.pixelBytes; lane += 16) {
          if (step == VALUE) value(op);
          if (step == TANGENT) tangent(op);
          if (step == GRADIENT) gradient(op);
          if (step == GRADIENT_TANGENT) gradientTangent(op);
        }
      }
    }
  }
}

@kernel
export function attention(op: Attention, block: u32): void {
  forEachQuery(op, block, VALUE);
}

@kernel
export function attentionTangent(op: Attention, block: u32): void {
  forEachQuery(op, block, TANGENT);
}

/** Adds to what the targets hold. */
@kernel
export function attentionBackward(op: Attention, block: u32): void {
  forEachQuery(op, block, GRADIENT);
}

/** Adds to what the targets hold. */
@kernel
export function attentionGradientTangents(op: Attention, block: u32): void {
  forEachQuery(op, block, GRADIENT_TANGENT);
}
