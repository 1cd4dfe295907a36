import { fixed } from "../budgets/fixed.ts";
import { magnitude } from "../drops/magnitude.ts";
import { random } from "../grows/random.ts";
import type { Rule } from "../rule.ts";
import { never } from "../schedules/never.ts";

/** The control: what the same training reaches without changes. */
export const staticRule: Rule = {
  name: "static",
  summary: "the masks stay, as a control",
  source: "",
  departures: "",
  schedule: never,
  budget: fixed,
  drop: magnitude,
  grow: random,
};
