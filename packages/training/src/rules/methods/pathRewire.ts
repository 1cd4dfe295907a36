import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { paths } from "../grows/paths.ts";
import type { Rule } from "../rule.ts";
import { cosine } from "../schedules/cosine.ts";

export const pathRewire: Rule = {
  name: "path-rewire",
  summary: "drops the least weights, grows along paths",
  source: "ours: RigL's frame with the growth of Yao & Dovrolis 2025, arXiv:2509.25665",
  departures: "",
  schedule: cosine,
  budget: fixed,
  drop: magnitude,
  grow: paths,
};
