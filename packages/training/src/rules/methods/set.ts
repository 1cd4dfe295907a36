import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { signs } from "../drops/signs.ts";
import { random } from "../grows/random.ts";
import type { Rule } from "../rule.ts";
import { constant } from "../schedules/constant.ts";
import { cosine } from "../schedules/cosine.ts";

export const set: Rule = {
  name: "set",
  summary: "drops the least weights, grows random ones",
  source: "Mocanu et al. 2018, arXiv:1707.04780, as Evci et al. 2020 compare it",
  departures: "the change comes between two steps and takes the place of none",
  schedule: cosine,
  budget: fixed,
  drop: magnitude,
  grow: random,
};

export const setSigns: Rule = {
  name: "set-signs",
  summary: "SET as published: by sign, once an epoch",
  source: "Mocanu et al. 2018, arXiv:1707.04780",
  departures:
    "new weights start at 0; ⌊ζP⌋ of P positive weights go (the code drops one more); a dropped weight that is drawn again keeps its value",
  schedule: constant,
  budget: fixed,
  drop: signs,
  grow: random,
};
