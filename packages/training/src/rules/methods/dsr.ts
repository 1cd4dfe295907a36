import { surviving } from "../budgets/surviving.ts";
import { threshold } from "../drops/threshold.ts";
import { random } from "../grows/random.ts";
import type { Rule } from "../rule.ts";
import { periods } from "../schedules/periods.ts";

export const dsr: Rule = {
  name: "dsr",
  summary: "drops below a threshold for all layers, grows where weights survive",
  source: "Mostafa & Wang 2019, arXiv:1902.05967",
  departures:
    "a fraction alpha of the kept weights is wanted, where the paper has a number of weights for its one network; all layers take part",
  schedule: periods,
  budget: surviving,
  drop: threshold,
  grow: random,
};
