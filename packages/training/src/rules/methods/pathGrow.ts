import { network } from "../budgets/network.ts";
import { magnitude } from "../drops/magnitude.ts";
import { paths } from "../grows/paths.ts";
import type { Rule } from "../rule.ts";
import { growth } from "../schedules/growth.ts";

export const pathGrow: Rule = {
  name: "path-grow",
  summary: "grows from a seed along paths, drops nothing",
  source: "after Yao & Dovrolis 2025, arXiv:2509.25665 (PWMPR)",
  departures:
    "seed density, growth and stages are ours: the paper's could not be read; stages share one training run and its learning rates",
  schedule: growth,
  budget: network,
  drop: magnitude,
  grow: paths,
};
