import { fanIn } from "../budgets/fanIn.ts";
import { magnitude } from "../drops/magnitude.ts";
import { gradient } from "../grows/gradient.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const srigl: Rule = {
  name: "srigl",
  summary: "RigL with the same fan-in for all units of a layer",
  source: "Lasby et al. 2024, arXiv:2305.02299",
  departures:
    "the classes are never ablated; the budget of a layer is that of the first masks, rounded down to whole units",
  schedule: cosine,
  budget: fanIn,
  drop: magnitude,
  grow: gradient,
};
