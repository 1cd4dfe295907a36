/** Elementary functions of four float32 at a time, to a few units in the last place. */

/** eˣ = 2ⁿ·e^r, |r| ≤ ln 2 / 2, e^r by a polynomial (Cephes expf). Saturates near the ends of float32; NaN stays NaN. */
@inline
export function exp(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-87.33654)), f32x4.splat(88.37626));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, scale);
}

/** σ(x) = 1 / (1 + e^−x) */
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(f32x4.neg(x))));
}

/** tanh x = 1 − 2 / (e^2x + 1); by an odd polynomial near 0 (Cephes tanhf), where that would cancel. */
@inline
export function tanh(x: v128): v128 {
  const one = f32x4.splat(1);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp(f32x4.add(x, x)), one)));
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(-3.33332819422e-1));
  const small = f32x4.add(x, f32x4.mul(f32x4.mul(p, square), x));
  return v128.bitselect(small, large, f32x4.lt(f32x4.abs(x), f32x4.splat(0.625)));
}

/** ln(1 + t) for 0 ≤ t ≤ 1, as 2·artanh(t / (2 + t)) */
@inline
export function log1p(t: v128): v128 {
  const s = f32x4.div(t, f32x4.add(f32x4.splat(2), t));
  const square = f32x4.mul(s, s);
  let p = f32x4.splat(1.0 / 13.0);
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 11.0));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 9.0));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 7.0));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 5.0));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1.0 / 3.0));
  p = f32x4.add(f32x4.mul(p, square), f32x4.splat(1));
  return f32x4.mul(f32x4.add(s, s), p);
}

/**
 * The normal distribution's Φ(x) = (1 + erf(x / √2)) / 2, with erfc by Abramowitz & Stegun 7.1.26 (error below 1.5e-7),
 * near 0 by erf's series, where that would cancel.
 */
@inline
export function normalProbability(x: v128): v128 {
  const one = f32x4.splat(1);
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.70710678118654752));
  const square = f32x4.mul(z, z);
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(z, f32x4.splat(0.3275911))));
  let p = f32x4.splat(1.061405429);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.453152027));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.421413741));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.284496736));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.254829592));
  const tail = f32x4.mul(f32x4.mul(p, t), exp(f32x4.neg(square)));
  let q = f32x4.splat(-1.0 / 1320.0);
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(1.0 / 216.0));
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(-1.0 / 42.0));
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(0.1));
  q = f32x4.add(f32x4.mul(q, square), f32x4.splat(-1.0 / 3.0));
  q = f32x4.add(f32x4.mul(q, square), one);
  const series = f32x4.sub(one, f32x4.mul(f32x4.mul(q, z), f32x4.splat(1.12837916709551257)));
  const complement = v128.bitselect(series, tail, f32x4.lt(z, f32x4.splat(0.5)));
  const half = f32x4.mul(complement, f32x4.splat(0.5));
  return v128.bitselect(half, f32x4.sub(one, half), f32x4.lt(x, f32x4.splat(0)));
}

/** φ(x) = e^(−x²/2) / √(2π) */
@inline
export function normalDensity(x: v128): v128 {
  return f32x4.mul(exp(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))), f32x4.splat(0.398942280401432678));
}
