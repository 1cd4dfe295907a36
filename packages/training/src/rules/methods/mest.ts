import { fixed } from "../budgets/fixed.ts";
import { saliency } from "../drops/saliency.ts";
import { random } from "../grows/random.ts";
import type { Rule } from "../rule.ts";
import { stages } from "../schedules/stages.ts";

export const mest: Rule = {
  name: "mest",
  summary: "drops the least |weight| + lambda · |gradient|, grows random weights",
  source: "Yuan et al. 2021, arXiv:2110.14032 (EM; EM&S is soft=true)",
  departures: "once an epoch (every 5 of 160 epochs there); layers have the density of the first masks",
  schedule: stages,
  budget: fixed,
  drop: saliency,
  grow: random,
};
