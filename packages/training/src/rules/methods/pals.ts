import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { gradient } from "../grows/gradient.ts";
import type { Rule } from "../rule.ts";
import { byLoss } from "../schedules/byLoss.ts";

export const pals: Rule = {
  name: "pals",
  summary: "prunes, grows or stays as the validation loss says",
  source: "Atashgahi et al. 2023, arXiv:2305.18382",
  departures:
    "once an epoch; --density is the least that it may reach; layers keep their shares of the first masks",
  schedule: byLoss,
  budget: fixed,
  drop: magnitude,
  grow: gradient,
};
