/** Tables of units for the copying kernels. */
import { NO_UNIT } from "@phew/engine";

export { NO_UNIT };

/** {from, to} pairs. @param from source of each target unit, or NO_UNIT @param firstTo target of the first */
export function unitPairs(from: ArrayLike<number>, firstTo = 0): Uint32Array {
  const pairs = new Uint32Array(2 * from.length);
  for (let k = 0; k < from.length; k++) {
    pairs[2 * k] = from[k]!;
    pairs[2 * k + 1] = firstTo + k;
  }
  return pairs;
}
