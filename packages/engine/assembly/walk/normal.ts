/**
 * Random numbers for weights. Element k depends only on (seed, stream, k) and is the same on every machine: wasm
 * specifies IEEE 754, and the logarithm is software. Normal: inverse of the cumulative distribution at a 53-bit
 * uniform number.
 * Source: Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477–484; relative error about 1e-16.
 */
import { GOLDEN, key, mix } from "./random";

/** Half width of the central region, where one fraction suffices: |probability − 1/2| at most this. */
const CENTRE: f64 = 0.425;

/**
 * f32[count] at `out`: elements first … first + count − 1 of the stream. A first pass treats all as central, two at a
 * time; the tails, three in twenty, are collected without a branch and computed in a second pass.
 * @param tails u32[count + 2], scratch
 */
export function fillNormal(
  out: usize,
  count: u32,
  tails: usize,
  seed: f64,
  stream: f64,
  first: f64,
  mean: f64,
  standardDeviation: f64,
): void {
  const start = key(<u64>seed, <u64>stream) + <u64>first * GOLDEN;
  let counter = start;
  let tailBytes: usize = 0;
  const whole = count & ~1;
  for (let i: u32 = 0; i < whole; i += 2) {
    const a = signedHalf(counter);
    const b = signedHalf(counter + GOLDEN);
    const x = centralQuantiles(f64x2.replace_lane(f64x2.splat(a), 1, b));
    const scaled = f64x2.add(f64x2.mul(x, f64x2.splat(standardDeviation)), f64x2.splat(mean));
    v128.store64_lane(out + ((<usize>i) << 2), f32x4.demote_f64x2_zero(scaled), 0);
    store<u32>(tails + tailBytes, i);
    tailBytes += <usize>(abs(a) > CENTRE) << 2;
    store<u32>(tails + tailBytes, i + 1);
    tailBytes += <usize>(abs(b) > CENTRE) << 2;
    counter += 2 * GOLDEN;
  }
  if (whole < count) {
    const q = signedHalf(counter);
    const x = f64x2.extract_lane(centralQuantiles(f64x2.splat(q)), 0);
    store<f32>(out + ((<usize>whole) << 2), <f32>(x * standardDeviation + mean));
    store<u32>(tails + tailBytes, whole);
    tailBytes += <usize>(abs(q) > CENTRE) << 2;
  }
  for (let at: usize = 0; at < tailBytes; at += 4) {
    const i = load<u32>(tails + at);
    const x = tailQuantile(signedHalf(start + <u64>i * GOLDEN));
    store<f32>(out + ((<usize>i) << 2), <f32>(x * standardDeviation + mean));
  }
}

/** Probability − 1/2: an odd multiple of 2^-54 between −1/2 and 1/2, symmetric about 0. */
@inline
function signedHalf(counter: u64): f64 {
  return (<f64>(<i64>mix(counter) >> 11) + 0.5) * (1.0 / 9007199254740992.0);
}

/** Uniform between low and high; `high` itself only through rounding to float32. */
export function fillUniform(
  out: usize,
  count: u32,
  seed: f64,
  stream: f64,
  first: f64,
  low: f64,
  high: f64,
): void {
  let counter = key(<u64>seed, <u64>stream) + <u64>first * GOLDEN;
  const width = high - low;
  for (let i: u32 = 0; i < count; i++) {
    const u = <f64>(mix(counter) >> 11) * (1.0 / 9007199254740992.0);
    store<f32>(out + ((<usize>i) << 2), <f32>(low + width * u));
    counter += GOLDEN;
  }
}

@inline
function step(sum: v128, r: v128, coefficient: f64): v128 {
  return f64x2.add(f64x2.mul(sum, r), f64x2.splat(coefficient));
}

/** @param q probability − 1/2, of two */
@inline
function centralQuantiles(q: v128): v128 {
  const r = f64x2.sub(f64x2.splat(0.180625), f64x2.mul(q, q));
  let a = f64x2.splat(2.5090809287301226727e3);
  a = step(a, r, 3.343057558358812810e4);
  a = step(a, r, 6.7265770927008700853e4);
  a = step(a, r, 4.5921953931549871457e4);
  a = step(a, r, 1.3731693765509461125e4);
  a = step(a, r, 1.9715909503065514427e3);
  a = step(a, r, 1.3314166789178437745e2);
  a = step(a, r, 3.387132872796366608);
  let b = f64x2.splat(5.226495278852854561e3);
  b = step(b, r, 2.8729085735721942674e4);
  b = step(b, r, 3.930789580009271061e4);
  b = step(b, r, 2.1213794301586595867e4);
  b = step(b, r, 5.3941960214247511077e3);
  b = step(b, r, 6.871870074920579083e2);
  b = step(b, r, 4.2313330701600911252e1);
  b = step(b, r, 1.0);
  return f64x2.div(f64x2.mul(q, a), b);
}

function tailQuantile(q: f64): f64 {
  let r = Math.sqrt(-Math.log(0.5 - abs(q)));
  let a: f64;
  let b: f64;
  if (r <= 5) {
    r -= 1.6;
    a = 7.7454501427834140764e-4;
    a = a * r + 2.27238449892691845833e-2;
    a = a * r + 2.4178072517745061177e-1;
    a = a * r + 1.27045825245236838258;
    a = a * r + 3.64784832476320460504;
    a = a * r + 5.7694972214606914055;
    a = a * r + 4.6303378461565452959;
    a = a * r + 1.42343711074968357734;
    b = 1.05075007164441684324e-9;
    b = b * r + 5.475938084995344946e-4;
    b = b * r + 1.51986665636164571966e-2;
    b = b * r + 1.4810397642748007459e-1;
    b = b * r + 6.8976733498510000455e-1;
    b = b * r + 1.6763848301838038494;
    b = b * r + 2.05319162663775882187;
    b = b * r + 1.0;
  } else {
    r -= 5;
    a = 2.01033439929228813265e-7;
    a = a * r + 2.71155556874348757815e-5;
    a = a * r + 1.2426609473880784386e-3;
    a = a * r + 2.65321895265761230930e-2;
    a = a * r + 2.9656057182850489123e-1;
    a = a * r + 1.7848265399172913358;
    a = a * r + 5.4637849111641143699;
    a = a * r + 6.6579046435011037772;
    b = 2.04426310338993978564e-15;
    b = b * r + 1.4215117583164458887e-7;
    b = b * r + 1.8463183175100546818e-5;
    b = b * r + 7.868691311456132591e-4;
    b = b * r + 1.48753612908506148525e-2;
    b = b * r + 1.3692988092273580531e-1;
    b = b * r + 5.9983220655588793769e-1;
    b = b * r + 1.0;
  }
  return copysign(a / b, q);
}
