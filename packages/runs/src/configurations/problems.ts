/** What is learned, and by which network: a dense network is the yardstick of masks that share these. */
import { type Configurations, type ConfiguredRun, configurationsOf } from "./configurations.ts";

const PROBLEM_SETTINGS = [
  "model",
  "input",
  "output",
  "narrowToDensity",
  "dataset",
  "classCount",
  "trainCount",
  "samplesPerClass",
  "testCount",
  "imageSize",
  "mean",
  "std",
  "validation",
  "dataSeed",
];

/** Runs by experiment, network and data. */
export function problemsOf<Run extends ConfiguredRun>(runs: readonly Run[]): Configurations<Run> {
  return configurationsOf(runs, { by: PROBLEM_SETTINGS });
}
