import { network } from "../budgets/network.ts";
import { magnitude } from "../drops/magnitude.ts";
import { proposals } from "../grows/proposals.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const gse: Rule = {
  name: "gse",
  summary: "the greatest gradients of candidates drawn at random",
  source: "Heddes et al. 2024, arXiv:2401.06898 (uniform; GraBo and GraEst are propose=grabo and graest)",
  departures:
    "a change looks at one batch, not at ten examples of each class; GraEst's signs are those of images",
  schedule: cosine,
  budget: network,
  drop: magnitude,
  grow: proposals,
  initial: { alpha: 0.2, every: 1000, end: 0.6 },
};
