import type { Command } from "commander";
import * as parse from "../parse.ts";
import { SCALES } from "../reproduce/experiment.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option } from "./options.ts";

export function declareReproduce(program: Command): void {
  program
    .command("reproduce")
    .summary("the paper's experiments, with verdicts on its claims")
    .description(
      "Measures what an experiment is about, as far as its tables do not have it yet, and says of each claim whether it holds, with numbers.",
    )
    .argument("[experiments...]", "their names; all unless given")
    .addOption(
      option("--scale <scale>", "smoke (minutes for all), laptop (an hour or two each), paper (a cluster)")
        .argParser(parse.oneOf("--scale", SCALES))
        .default("smoke"),
    )
    .addOption(
      option(
        "--data <name=path>",
        "folder of a data set's files; grids on others than glyphs are left out without it; may be repeated",
      ).argParser(parse.assignments("--data", "cifar10=data/cifar-10-batches-bin")),
    )
    .addOption(option("--out <folder>", "where the tables, figures and verdicts go").default("reproduction"))
    .addOption(option("--dry-run", "show what there is to do, and stop"))
    .addOption(
      option("--analyse-only", "measure nothing: verdicts on tables and finished runs that are there"),
    )
    .addOption(option("--retry", "run those again that failed"))
    .addOption(
      option("--on <executor>", "what trains: pool (processes of this machine) or slurm").argParser(
        parse.oneOf("--on", ["pool", "slurm"]),
      ),
    )
    .addOption(
      option("--workers <n>", "runs at a time, for pool; as many as fill the cores").argParser(
        parse.wholeNumber("--workers", 1, 1024),
      ),
    )
    .addOption(settingOption("sweep", "threads"))
    .addOption(
      option("--throttle <n>", "most runs at a time, for slurm").argParser(
        parse.wholeNumber("--throttle", 1),
      ),
    )
    .addOption(option("--sbatch <options>", "options for sbatch; may be repeated").argParser(parse.repeated))
    .addOption(settingOption("sweep", "runs"))
    .addOption(settingOption("sweep", "quiet"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew reproduce --scale smoke
  phew reproduce paths --scale laptop
  phew reproduce accuracy --scale laptop --data mnist=data/mnist --data cifar10=data/cifar-10-batches-bin
  phew reproduce accuracy --scale paper --data cifar10=data/cifar-10-batches-bin --on slurm --sbatch "--time=24:00:00"`,
    )
    .action(async (names, options) => (await import("../verbs/reproduce.ts")).reproduce(names, options));
}
