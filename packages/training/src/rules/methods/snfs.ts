import { momentum } from "../budgets/momentum.ts";
import { magnitude } from "../drops/magnitude.ts";
import { gradient } from "../grows/gradient.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const snfs: Rule = {
  name: "snfs",
  summary: "layers grow by their momentum",
  source: "Dettmers & Zettlemoyer 2019, arXiv:1907.04840 (sparse momentum)",
  departures: "absent weights have no momentum here: the gradient of one batch ranks them, layer by layer",
  schedule: cosine,
  budget: momentum,
  drop: magnitude,
  grow: gradient,
  initial: { alpha: 0.5, floor: 0.005, every: 0, end: 1 },
};
