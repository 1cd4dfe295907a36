import type { Command } from "commander";
import { USUAL_SETTINGS } from "../trainConfig.ts";
import { checkOptions, option } from "./options.ts";
import { givenOptions, withTrainOptions } from "./trainOptions.ts";

export function declareTrain(program: Command): void {
  const [check, checkOption] = checkOptions();
  const command = program
    .command("train")
    .summary("prune and train a network; leaves a run folder")
    .description("Prunes a network of the zoo at initialisation, trains it, and leaves all in a run folder.")
    .argument("[model]", "name of the zoo")
    .addOption(option("--config <file>", "all settings of the run from a run folder's config.json"));
  withTrainOptions(command, {
    method: USUAL_SETTINGS.method,
    experiment: "train unless --config names one",
  })
    .addOption(check)
    .addOption(checkOption)
    .addOption(
      option(
        "--score-weights <what>",
        "prune by these weights: a file, or a run as FOLDER[@final|@best|@rewind]",
      ),
    )
    .addOption(
      option("--start-weights <what>", "train from these, named alike; drawn with --seed unless given"),
    )
    .addOption(option("--within <masks>", "keep weights of these masks alone: a file, or a run's folder"))
    .addOption(option("--watch", "the live screen meanwhile; the run goes on where the screen is left"))
    .addOption(option("--no-figures", "tables alone"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew train lenet5 --method phew --density 0.05 --epochs 4
  phew train lenet5 --dataset mnist --data-dir data/mnist --method phew --density 0.05 --epochs 3
  phew train resnet20 --dataset cifar10 --data-dir data --recipe phew --epochs 40 --density 0.05
  phew train lenet5 --density 0.1 --method magnitude --score-weights runs/train/1f0c5d27aa-0
  phew train --config runs/train/6c47abdcca-0/config.json --runs elsewhere`,
    )
    .action(async (model, options, command: Command) =>
      (await import("../verbs/train.ts")).train(model, options, givenOptions(command)),
    );
}
