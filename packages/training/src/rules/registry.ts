/** Every part of rules, and every rule, by its name. Adding one: its file and a line here. */
import { fanIn } from "./budgets/fanIn.ts";
import { fixed } from "./budgets/fixed.ts";
import { gradual } from "./budgets/gradual.ts";
import { momentum } from "./budgets/momentum.ts";
import { network } from "./budgets/network.ts";
import { surviving } from "./budgets/surviving.ts";
import { magnitude } from "./drops/magnitude.ts";
import { percolation } from "./drops/percolation.ts";
import { saliency } from "./drops/saliency.ts";
import { signs } from "./drops/signs.ts";
import { threshold } from "./drops/threshold.ts";
import { gradient } from "./grows/gradient.ts";
import { paths } from "./grows/paths.ts";
import { paths3 } from "./grows/paths3.ts";
import { proposals } from "./grows/proposals.ts";
import { random } from "./grows/random.ts";
import { cht } from "./methods/cht.ts";
import { chts } from "./methods/chts.ts";
import { dsr } from "./methods/dsr.ts";
import { granet } from "./methods/granet.ts";
import { gse } from "./methods/gse.ts";
import { itop } from "./methods/itop.ts";
import { mest } from "./methods/mest.ts";
import { pals } from "./methods/pals.ts";
import { pathFind } from "./methods/pathFind.ts";
import { pathGrow } from "./methods/pathGrow.ts";
import { pathRewire } from "./methods/pathRewire.ts";
import { rigl } from "./methods/rigl.ts";
import { set, setSigns } from "./methods/set.ts";
import { snfs } from "./methods/snfs.ts";
import { srigl } from "./methods/srigl.ts";
import { staticRule } from "./methods/static.ts";
import type { Budget, Drop, Grow, Rule, Schedule } from "./rule.ts";
import { byLoss } from "./schedules/byLoss.ts";
import { constant } from "./schedules/constant.ts";
import { cosine } from "./schedules/cosine.ts";
import { cubic } from "./schedules/cubic.ts";
import { growth } from "./schedules/growth.ts";
import { never } from "./schedules/never.ts";
import { periods } from "./schedules/periods.ts";
import { plateau } from "./schedules/plateau.ts";
import { stages } from "./schedules/stages.ts";

export const schedules: readonly Schedule[] = [
  never,
  constant,
  cosine,
  cubic,
  periods,
  stages,
  growth,
  plateau,
  byLoss,
];
export const budgets: readonly Budget[] = [fixed, network, surviving, momentum, gradual, fanIn];
export const drops: readonly Drop[] = [magnitude, signs, saliency, threshold, percolation];
export const grows: readonly Grow[] = [random, gradient, proposals, paths, paths3];

/** In the order in which help and tables show them. */
export const rules: readonly Rule[] = [
  staticRule,
  set,
  setSigns,
  rigl,
  itop,
  snfs,
  dsr,
  mest,
  granet,
  gse,
  srigl,
  cht,
  chts,
  pathGrow,
  pathRewire,
  pathFind,
  pals,
];
