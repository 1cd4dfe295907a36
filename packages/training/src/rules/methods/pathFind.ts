import { network } from "../budgets/network.ts";
import { magnitude } from "../drops/magnitude.ts";
import { paths } from "../grows/paths.ts";
import type { Rule } from "../rule.ts";
import { plateau } from "../schedules/plateau.ts";

export const pathFind: Rule = {
  name: "path-find",
  summary: "grows along paths until the validation accuracy has levelled off",
  source: "after Yao & Dovrolis 2025, arXiv:2509.25665 (PWMPR)",
  departures:
    "form of the curve, tolerance, growth and stages are ours; --density is the most that it may reach",
  schedule: plateau,
  budget: network,
  drop: magnitude,
  grow: paths,
};
