import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { random } from "../grows/random.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const itop: Rule = {
  name: "itop",
  summary: "SET with larger and rarer changes over the whole run",
  source: "Liu et al. 2021, arXiv:2102.02887 (SET-ITOP; RigL-ITOP is grow=gradient every=4000)",
  departures: "every 1,500 steps is for 250 epochs of 128 examples: a shorter run needs another",
  schedule: cosine,
  budget: fixed,
  drop: magnitude,
  grow: random,
  initial: { alpha: 0.5, floor: 0.005, every: 1500, end: 1 },
};
