import { gradual } from "../budgets/gradual.ts";
import { magnitude } from "../drops/magnitude.ts";
import { gradient } from "../grows/gradient.ts";
import type { Rule } from "../rule.ts";
import { cubic } from "../schedules/cubic.ts";

export const granet: Rule = {
  name: "granet",
  summary: "the density falls by magnitude, with RigL's step at each change",
  source: "Liu et al. 2021, arXiv:2106.10404",
  departures:
    "the change takes the place of a step; the first masks are those of the run's method at density from",
  schedule: cubic,
  budget: gradual,
  drop: magnitude,
  grow: gradient,
};
