/** Every experiment by its name. Adding one: a file in `experiments` and a line here. */
import { unknownName } from "@phew/core";
import type { Experiment } from "./experiment.ts";
import { ablations } from "./experiments/ablations.ts";
import { accuracy } from "./experiments/accuracy.ts";
import { classes } from "./experiments/classes.ts";
import { convergence } from "./experiments/convergence.ts";
import { cost } from "./experiments/cost.ts";
import { density } from "./experiments/density.ts";
import { littleData } from "./experiments/littleData.ts";
import { method } from "./experiments/method.ts";
import { paths } from "./experiments/paths.ts";
import { rules } from "./experiments/rules.ts";
import { width } from "./experiments/width.ts";

/** In the order in which help shows them. */
export const experiments: ReadonlyMap<string, Experiment> = new Map(
  [method, paths, width, convergence, accuracy, classes, ablations, rules, density, littleData, cost].map(
    (experiment) => [experiment.name, experiment],
  ),
);

/** @throws ArgumentError with the known experiments and the most similar one, if `name` is none of them */
export function experimentByName(name: string): Experiment {
  const experiment = experiments.get(name);
  if (experiment === undefined) throw unknownName("experiment", name, [...experiments.keys()]);
  return experiment;
}
