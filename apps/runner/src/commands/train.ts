import type { Command } from "commander";
import { commandLineSettings, withAllSettings } from "../settings/commandLine.ts";

export function declareTrain(program: Command): void {
  const command = program
    .command("train")
    .summary("prune and train a network; leaves a run folder")
    .description(
      "Prunes a network of the zoo, or of a model file, before training, trains it, and leaves all in a run folder.",
    )
    .argument("[model]", "name of the zoo, a model file, or the folder of a run to go on with");
  withAllSettings(command, "train")
    .addHelpText(
      "after",
      `
Examples:
  phew train lenet5 --method phew --density 0.05 --epochs 4
  phew train lenet5 --dataset mnist --data-dir data/mnist --method phew --density 0.05 --epochs 3
  phew train resnet20 --dataset cifar10 --data-dir data --recipe phew --epochs 40 --density 0.05
  phew train net.onnx --dataset mnist --data-dir data/mnist --density 0.05 --epochs 3
  phew train lenet5 --density 0.1 --method magnitude --score-weights runs/train/1f0c5d27aa-0
  phew train --config runs/train/6c47abdcca-0/config.json --runs elsewhere`,
    )
    .action(async (model, _options, command: Command) =>
      (await import("../verbs/train.ts")).train(model, commandLineSettings(command)),
    );
}
