/**
 * Absent weights at random: every set of the wanted size is equally likely. The first `count` of a Fisher–Yates order of the
 * group's absent weights, ascending at first.
 */
import { indicesOf } from "../groups.ts";
import type { Grow } from "../rule.ts";

export const random: Grow = {
  name: "random",
  summary: "absent weights at random",
  options: {},
  byGradient: () => false,
  begin: (_state, after) => ({
    candidates(group, count, numbers) {
      const absent = indicesOf(after, group, 0);
      for (let k = 0; k < count; k++) {
        const other = k + numbers.below(absent.length - k);
        [absent[k], absent[other]] = [absent[other]!, absent[k]!];
      }
      return absent.subarray(0, count);
    },
  }),
};
