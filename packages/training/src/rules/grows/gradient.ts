/** The absent weights with the greatest |∂L/∂θ| of one batch. @see Evci et al. 2020, arXiv:1911.11134 */
import type { Grow } from "../rule.ts";

export const gradient: Grow = {
  name: "gradient",
  summary: "the greatest |gradient| of one batch",
  options: {},
  byGradient: () => true,
  begin: () => ({ candidates: () => "all" }),
};
