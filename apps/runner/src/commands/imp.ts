import type { Command } from "commander";
import { commandLineSettings, withAllSettings } from "../settings/commandLine.ts";

export function declareImp(program: Command): void {
  const command = program
    .command("imp")
    .summary("iterative magnitude pruning: train, prune, rewind, again")
    .description(
      "Trains the dense network of the zoo or of a model file; then in rounds prunes what was trained, rewinds the weights left, and trains them. Each round is a run folder of its own.",
    )
    .argument("[model]", "name of the zoo, or a model file");
  withAllSettings(command, "imp")
    .addHelpText(
      "after",
      `
Weights are rewound to how they were drawn or stood in the model file, or with --rewind-epoch or --rewind-step to what they were then.
The same command goes on where it was stopped, and skips rounds that are finished.

Examples:
  phew imp lenet5 --density 0.05 --rounds 5 --epochs 4
  phew imp resnet20 --dataset cifar10 --data-dir data --recipe phew --density 0.1 --rewind-epoch 1
  phew imp lenet5 --density 0.05 --rounds 1                 magnitude after training, in one shot`,
    )
    .action(async (model, _options, command: Command) =>
      (await import("../verbs/imp.ts")).imp(model, commandLineSettings(command)),
    );
}
