import { fixed } from "../budgets/fixed.ts";
import { percolation } from "../drops/percolation.ts";
import { paths3 } from "../grows/paths3.ts";
import type { Rule } from "../rule.ts";
import { constant } from "../schedules/constant.ts";

export const cht: Rule = {
  name: "cht",
  summary: "drops the least, and what leads nowhere; grows where paths of length 3 close",
  source: "Zhang et al. 2024, Cannistraci–Hebb training (CH3-L3n)",
  departures:
    "no early stop of a layer; convolutions are graphs of kernels; the first masks are those of the run's method",
  schedule: constant,
  budget: fixed,
  drop: percolation,
  grow: paths3,
};
