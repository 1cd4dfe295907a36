/**
 * Changes every p, 2p, 4p and 8p steps: the period doubles at 1/8, 2/5 and 7/10 of the run, and changes end at 19/20, which
 * are epochs 25, 80, 140 and 190 of 200.
 * @see Mostafa & Wang 2019, arXiv:1902.05967
 */
import type { Schedule } from "../rule.ts";
import { alpha } from "./due.ts";

const DOUBLINGS = [1 / 8, 2 / 5, 7 / 10];
const END = 19 / 20;

export const periods: Schedule = {
  name: "periods",
  summary: "a period that doubles three times",
  options: {
    alpha: alpha(0.1),
    every: {
      kind: "number",
      least: 1,
      most: 2 ** 40,
      whole: true,
      initial: 100,
      help: "steps between two changes at first",
    },
  },
  at({ step, stepCount }, options, { final }) {
    const done = step / stepCount;
    const period = Number(options.every) * 2 ** DOUBLINGS.filter((at) => done >= at).length;
    if (step === 0 || done >= END || step % period !== 0) return undefined;
    return { fraction: Number(options.alpha), keepCount: final };
  },
};
