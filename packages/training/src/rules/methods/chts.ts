import { fixed } from "../budgets/fixed.ts";
import { percolation } from "../drops/percolation.ts";
import { paths3 } from "../grows/paths3.ts";
import type { Rule } from "../rule.ts";
import { constant } from "../schedules/constant.ts";

export const chts: Rule = {
  name: "chts",
  summary: "CHT with drawn drops and drawn growth",
  source: "Zhang et al. 2025, arXiv:2501.19107 (CHTs)",
  departures: "as cht; the density does not change",
  schedule: constant,
  budget: fixed,
  drop: percolation,
  grow: paths3,
  initial: { soft: true, score: "relative", softGrowth: true },
};
