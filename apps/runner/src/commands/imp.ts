import type { Command } from "commander";
import * as parse from "../parse.ts";
import { option } from "./options.ts";
import { givenOptions, withTrainOptions } from "./trainOptions.ts";

export function declareImp(program: Command): void {
  const command = program
    .command("imp")
    .summary("iterative magnitude pruning: train, prune, rewind, again")
    .description(
      "Trains the dense network of the zoo; then in rounds prunes what was trained, rewinds the weights left, and trains them. Each round is a run folder of its own.",
    )
    .argument("[model]", "name of the zoo")
    .addOption(
      option(
        "--rounds <r>",
        "after round k of r the density is that asked for to the power k/r; unless given as many as remove a fifth each",
      ).argParser(parse.wholeNumber("--rounds", 1, 1000)),
    );
  withTrainOptions(command, { method: "magnitude", experiment: "imp unless given" })
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Weights are rewound to how they were drawn, or with --rewind-epoch or --rewind-step to what they were then.
The same command goes on where it was stopped, and skips rounds that are finished.

Examples:
  phew imp lenet5 --density 0.05 --rounds 5 --epochs 4
  phew imp resnet20 --dataset cifar10 --data-dir data --recipe phew --density 0.1 --rewind-epoch 1
  phew imp lenet5 --density 0.05 --rounds 1                 magnitude after training, in one shot`,
    )
    .action(async (model, options, command: Command) =>
      (await import("../verbs/imp.ts")).imp(model, options, givenOptions(command)),
    );
}
