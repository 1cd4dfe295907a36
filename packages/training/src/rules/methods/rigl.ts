import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { gradient } from "../grows/gradient.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const rigl: Rule = {
  name: "rigl",
  summary: "drops the least weights, grows the greatest gradients",
  source: "Evci et al. 2020, arXiv:1911.11134",
  departures: "no noise of 1e-5 on magnitudes: among equal ones the earlier weight stays",
  schedule: cosine,
  budget: fixed,
  drop: magnitude,
  grow: gradient,
};
