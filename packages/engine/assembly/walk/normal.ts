/**
 * Random numbers for weights. Element k depends on (seed, stream, k) alone, and on no machine: wasm has one IEEE 754,
 * and the logarithm is software. Normal: inverse of the cumulative distribution at a 53-bit uniform number.
 * Source: Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477–484; relative error about 1e-16.
 */
import { GOLDEN, key, mix } from "./random";

/** f32[count] at `out`: elements first … first + count − 1 of the stream. */
export function fillNormal(
  out: usize,
  count: u32,
  seed: f64,
  stream: f64,
  first: f64,
  mean: f64,
  standardDeviation: f64,
): void {
  let counter = key(<u64>seed, <u64>stream) + <u64>first * GOLDEN;
  for (let i: u32 = 0; i < count; i++) {
    // odd multiples of 2^-54 between −1/2 and 1/2, symmetric about 0
    const q = (<f64>(<i64>mix(counter) >> 11) + 0.5) * (1.0 / 9007199254740992.0);
    const x = abs(q) <= 0.425 ? centralQuantile(q) : tailQuantile(q);
    store<f32>(out + ((<usize>i) << 2), <f32>(mean + standardDeviation * x));
    counter += GOLDEN;
  }
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

/** @param q probability − 1/2 */
@inline
function centralQuantile(q: f64): f64 {
  const r = 0.180625 - q * q;
  let a = 2.5090809287301226727e3;
  a = a * r + 3.343057558358812810e4;
  a = a * r + 6.7265770927008700853e4;
  a = a * r + 4.5921953931549871457e4;
  a = a * r + 1.3731693765509461125e4;
  a = a * r + 1.9715909503065514427e3;
  a = a * r + 1.3314166789178437745e2;
  a = a * r + 3.387132872796366608;
  let b = 5.226495278852854561e3;
  b = b * r + 2.8729085735721942674e4;
  b = b * r + 3.930789580009271061e4;
  b = b * r + 2.1213794301586595867e4;
  b = b * r + 5.3941960214247511077e3;
  b = b * r + 6.871870074920579083e2;
  b = b * r + 4.2313330701600911252e1;
  b = b * r + 1.0;
  return (q * a) / b;
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
