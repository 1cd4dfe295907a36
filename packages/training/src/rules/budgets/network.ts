/** All weights of the network are compared with each other: layers lose and gain as their weights rank. */
import type { Budget } from "../rule.ts";
import { keptCounts, usualDrops } from "./spread.ts";

export const network: Budget = {
  name: "network",
  summary: "layers compete: the weights of the whole network are ranked together",
  scope: "network",
  options: {},
  dropCounts: usualDrops,
  growCounts: ({ groups, plan }, after) =>
    keptCounts(after, groups).map((left) => Math.max(0, plan.keepCount - left)),
};
