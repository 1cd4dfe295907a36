/** Padding lanes of the last block must not enter a sum over images. */

/** Ones where lanes `first` … `first + 3` are below `valid`. */
@inline
export function laneMask(first: usize, valid: u32): v128 {
  return i32x4.lt_s(i32x4.add(i32x4.splat(<i32>first), i32x4(0, 1, 2, 3)), i32x4.splat(<i32>valid));
}
