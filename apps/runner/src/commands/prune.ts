import type { Command } from "commander";
import * as parse from "../parse.ts";
import { asSetting, settingOption } from "../settings/commandLine.ts";
import { option, withModel } from "./options.ts";

export function declarePrune(program: Command): void {
  withModel(program.command("prune"), "prune")
    .summary("find a sparse network: weights in, masks out")
    .description("Prunes a network at initialisation and writes which weights are kept.")
    .addOption(settingOption("prune", "method"))
    .addOption(
      asSetting(
        "density",
        option("--density <d>", "fraction of weights kept, or several: 0.1,0.05").argParser(parse.densities),
      ),
    )
    .addOption(settingOption("prune", "options"))
    .addOption(settingOption("prune", "check"))
    .addOption(settingOption("prune", "checkOptions"))
    .addOption(
      option("--batch <file>", "examples for methods that look at some: safetensors or npz with x and y"),
    )
    .addOption(settingOption("prune", "dataset"))
    .addOption(settingOption("prune", "dataDir"))
    .addOption(
      option("--samples-per-class <n>", "examples of each class that are chosen; 10 unless given").argParser(
        parse.wholeNumber("--samples-per-class", 1, 100_000),
      ),
    )
    .addOption(settingOption("prune", "threads"))
    .addOption(
      option("--prune-embeddings", "tables of embeddings too, by methods that look at weights alone"),
    )
    .addOption(option("--from <masks>", "weights kept in any case: the mask grows from these"))
    .addOption(settingOption("prune", "within"))
    .addOption(
      option(
        "--masks-from-zeros",
        "the same with the weights other than 0, where the model was pruned elsewhere",
      ),
    )
    .addOption(option("--out <file>", "masks as safetensors; {density} stands for each of several densities"))
    .addOption(option("--scores <file>", "scores as safetensors, for methods that score"))
    .addOption(option("--runs <folder>", "keep the pruning as a run in this folder: events and masks"))
    .addOption(option("--watch", "the live screen meanwhile; the run is kept in --runs, or in runs"))
    .addOption(option("--layers", "show every layer"))
    .addOption(option("--methods", "list the methods and their options, and stop"))
    .addOption(option("--checks", "list the checks and their options, and stop"))
    .addOption(settingOption("prune", "limit"))
    .addOption(settingOption("prune", "strict"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(settingOption("prune", "quiet"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew prune resnet20 --density 0.05 --seed 1 --out masks.safetensors
  phew prune vgg19-bn --density 0.1,0.05,0.02 --out masks-{density}.safetensors
  phew prune model.onnx --density 0.05 --option granularity=kernel --out masks.safetensors
  phew prune resnet20 --method snip --dataset cifar10 --data-dir data --density 0.05 --out masks.safetensors
  phew prune model.onnx --method grasp --batch batch.safetensors --density 0.05 --scores scores.safetensors
  phew prune weights.safetensors --architecture resnet18 --classes 100 --density 0.02 --out masks.safetensors
  phew prune vgg19-bn --density 0.05 --watch
  phew prune resnet20 --method synflow --density 0.05 --check widen --check-option fraction=0.5 --out masks.safetensors`,
    )
    .action(async (model, options) => (await import("../verbs/prune.ts")).prune(model, options));
}
