/**
 * Of each group the fraction ζ of the least positive weights and the fraction ζ of the negative ones closest to 0: ⌊ζ·P⌋ of P
 * positive weights, first, then ⌊ζ·N⌋ of N negative ones. A weight of 0 counts as positive.
 * @see Mocanu et al. 2018, arXiv:1707.04780
 */
import { least, partOf, valuesAt } from "../groups.ts";
import type { Drop } from "../rule.ts";

export const signs: Drop = {
  name: "signs",
  summary: "the least positive weights, and the negative ones closest to 0",
  options: {},
  choose({ state: { network, weights }, kept, plan: { fraction } }) {
    const values = valuesAt(network, kept, (name) => weights.get(name));
    const chosen = [false, true].flatMap((isNegative) => {
      const own = kept.filter((_, k) => values[k]! < 0 === isNegative);
      const sizes = values.filter((value) => value < 0 === isNegative).map(Math.abs);
      return [...least(own, sizes, partOf(fraction, own.length))];
    });
    return { indices: Uint32Array.from(chosen) };
  },
};
