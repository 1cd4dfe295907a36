/** acc + a·b: two roundings, the same on every machine. The build of relaxed.wasm uses the other function instead. */

// @ts-ignore: decorator
@global @inline
function plainMultiplyAdd(a: v128, b: v128, acc: v128): v128 {
  return f32x4.add(acc, f32x4.mul(a, b));
}

/** One rounding on machines with fused multiply-add, two on others. */
// @ts-ignore: decorator
@global @inline
function relaxedMultiplyAdd(a: v128, b: v128, acc: v128): v128 {
  return f32x4.relaxed_madd(a, b, acc);
}
