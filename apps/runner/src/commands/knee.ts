import type { Command } from "commander";
import * as parse from "../parse.ts";
import { option } from "./options.ts";

export function declareKnee(program: Command): void {
  program
    .command("knee")
    .summary("the least density that is about as good as dense")
    .description(
      "From the finished runs at or below a folder, of a dense network and of several densities and seeds: the least density whose mean accuracy is within a tolerance of dense, with a bootstrap interval over seeds, beside a logistic curve. Validation examples decide where all runs have some. The runs of a sweep file are trained by successive halving: fewer seeds for densities far from the knee.",
    )
    .argument("[place]", "folder of the runs, as a sweep makes them, or a sweep file", "runs")
    .addOption(
      option("--tolerance <t>", "how far below the dense network an accuracy may be, a fraction")
        .argParser(parse.realNumber("--tolerance", 0, 1))
        .default(0.005),
    )
    .addOption(option("--runs <folder>", "of a sweep file: parent of the runs' folders; runs unless given"))
    .addOption(
      option("--workers <n>", "of a sweep file: runs at a time; as many as fill the cores").argParser(
        parse.wholeNumber("--workers", 1, 1024),
      ),
    )
    .addOption(
      option("--threads <n>", "of a sweep file: threads of each run").argParser(
        parse.wholeNumber("--threads", 1, 256),
      ),
    )
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Example:
  phew sweep densities.json && phew knee runs/densities --tolerance 0.01
  phew knee densities.json --tolerance 0.01`,
    )
    .action(async (place, options) => (await import("../verbs/knee.ts")).kneeOf(place, options));
}
