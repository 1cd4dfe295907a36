/** acc + a·b: two roundings, the same on every machine. The build of relaxed.wasm takes the other one in its place. */

// @ts-ignore: decorator
@global @inline
function plainMultiplyAdd(a: v128, b: v128, acc: v128): v128 {
  return f32x4.add(acc, f32x4.mul(a, b));
}

/** One rounding where the machine has fused multiply-add, two where it has not. */
// @ts-ignore: decorator
@global @inline
function relaxedMultiplyAdd(a: v128, b: v128, acc: v128): v128 {
  return f32x4.relaxed_madd(a, b, acc);
}
