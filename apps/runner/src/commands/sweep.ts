import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option, withRenamed } from "./options.ts";

export function declareSweep(program: Command): void {
  const command = program
    .command("sweep")
    .summary("many runs from one file, on this machine or on Slurm")
    .description(
      "Carries out every run of a sweep file: finished runs are skipped, unfinished ones go on, and a table shows the results over the seeds.",
    )
    .argument("[file]", "a sweep file, such as sweep.json")
    .addOption(option("--dry-run", "show the runs and how long they will take, and stop"))
    .addOption(option("--retry", "run those again that failed"))
    .addOption(
      option("--on <executor>", "what executes it: pool (processes of this machine) or slurm").argParser(
        parse.oneOf("--on", ["pool", "slurm"]),
      ),
    )
    .addOption(settingOption("sweep", "threads"))
    .addOption(
      option("--throttle <n>", "most runs at a time, for slurm").argParser(
        parse.wholeNumber("--throttle", 1),
      ),
    )
    .addOption(
      option(
        "--sbatch <options>",
        'options for sbatch, such as "--partition=cpu --time=02:00:00"; may be repeated',
      ).argParser(parse.repeated),
    )
    .addOption(settingOption("sweep", "limit"))
    .addOption(settingOption("sweep", "strict"))
    .addOption(settingOption("sweep", "quiet"))
    .addOption(settingOption("sweep", "watch"))
    .addOption(option("--status", "show how its runs stand, and stop"))
    .addOption(option("--cancel", "stop its runs at their checkpoints"))
    .addOption(option("--logs [run]", "what runs printed: those that failed, or the one of this id"))
    .addOption(settingOption("sweep", "runs"))
    .addOption(option("--no-figures", "tables alone when it ends"))
    .addOption(option("--schema", "print the JSON Schema of sweep files, for editors, and stop"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew sweep sweep.json --dry-run
  phew sweep sweep.json --workers 2
  phew sweep sweep.json --on slurm --throttle 20 --sbatch "--partition=cpu --time=04:00:00"
  phew sweep sweep.json --status

A sweep file:
  {
    "settings": { "model": "lenet5", "dataset": "glyphs", "epochs": 4 },
    "grid": { "method": ["phew", "magnitude"], "density": [0.1, 0.05] },
    "list": [{ "method": "dense" }],
    "seeds": 3
  }`,
    )
    .action(async (file, options) => (await import("../verbs/sweep.ts")).sweep(file, options));
  withRenamed(
    command,
    "--processes <n>",
    option("--workers <n>", "runs at a time, for pool; as many as fill the cores").argParser(
      parse.wholeNumber("--workers", 1, 1024),
    ),
  );
}
