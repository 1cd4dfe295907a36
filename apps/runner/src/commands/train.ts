import type { Command } from "commander";
import * as parse from "../parse.ts";
import { USUAL_SETTINGS } from "../trainConfig.ts";
import { checkOptions, executorOption, option, threadsOption } from "./options.ts";

export function declareTrain(program: Command): void {
  const [check, checkOption] = checkOptions();
  program
    .command("train")
    .summary("prune and train a network; leaves a run folder")
    .description("Prunes a network of the zoo at initialisation, trains it, and leaves all in a run folder.")
    .argument("[model]", "name of the zoo")
    .addOption(option("--config <file>", "all settings of the run from a run folder's config.json"))
    .addOption(
      option("--dataset <name>", "glyphs (drawn by the program), mnist, cifar10").default(
        USUAL_SETTINGS.dataset,
      ),
    )
    .addOption(option("--data-dir <folder>", "folder of the data set's files"))
    .addOption(
      option("--classes <n>", "number of classes, for glyphs: 2 to 62").argParser(
        parse.wholeNumber("--classes", 2, 62),
      ),
    )
    .addOption(
      option("--train-count <n>", "training examples, for glyphs").argParser(
        parse.wholeNumber("--train-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--test-count <n>", "test examples, for glyphs").argParser(
        parse.wholeNumber("--test-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--data-seed <n>", "seed of the images, for glyphs").argParser(
        parse.wholeNumber("--data-seed", 0),
      ),
    )
    .addOption(option("--method <name>", "pruning method, or dense").default(USUAL_SETTINGS.method))
    .addOption(option("--density <d>", "fraction of weights kept").argParser(parse.density))
    .addOption(
      option("--option <name=value>", "option of the method; may be repeated")
        .argParser(parse.assignments)
        .default({}),
    )
    .addOption(check)
    .addOption(checkOption)
    .addOption(
      option("--seed <n>", "seed of weights, walks and data order")
        .argParser(parse.wholeNumber("--seed", 0))
        .default(0),
    )
    .addOption(
      option("--epochs <n>", "passes over the training set")
        .argParser(parse.wholeNumber("--epochs", 1, 100_000))
        .default(USUAL_SETTINGS.epochs),
    )
    .addOption(
      option("--batch-size <n>", "examples a step")
        .argParser(parse.wholeNumber("--batch-size", 1, 65_536))
        .default(USUAL_SETTINGS.batchSize),
    )
    .addOption(
      option("--rate <r>", "learning rate")
        .argParser(parse.realNumber("--rate", 0))
        .default(USUAL_SETTINGS.rate),
    )
    .addOption(
      option("--momentum <m>", "momentum of gradient descent")
        .argParser(parse.realNumber("--momentum", 0, 0.9999))
        .default(0.9),
    )
    .addOption(option("--no-nesterov", "plain momentum"))
    .addOption(
      option("--weight-decay <l>", "on all trained parameters")
        .argParser(parse.realNumber("--weight-decay", 0))
        .default(1e-4),
    )
    .addOption(
      option("--drops <fractions>", "the rate drops at these fractions of the run, or none")
        .argParser(parse.fractions("--drops"))
        .default([0.5, 0.75], "0.5,0.75"),
    )
    .addOption(
      option("--drop-factor <f>", "what the rate is multiplied by")
        .argParser(parse.realNumber("--drop-factor", 0, 1))
        .default(0.1),
    )
    .addOption(
      option("--label-smoothing <s>", "0 is none")
        .argParser(parse.realNumber("--label-smoothing", 0, 0.999))
        .default(0),
    )
    .addOption(executorOption())
    .addOption(threadsOption())
    .addOption(option("--runs <folder>", "where run folders go").default("runs"))
    .addOption(option("--experiment <name>", "folder of this and like runs; train unless --config names one"))
    .addOption(
      option("--checkpoint-steps <n>", "keep a checkpoint after so many steps").argParser(
        parse.wholeNumber("--checkpoint-steps", 1),
      ),
    )
    .addOption(
      option(
        "--checkpoint-minutes <m>",
        "keep a checkpoint after so many minutes; 5 unless by steps",
      ).argParser(parse.realNumber("--checkpoint-minutes", 0)),
    )
    .addOption(option("--resume", "go on with a run that was begun and not finished; so without it"))
    .addOption(option("--no-resume", "begin such a run again"))
    .addOption(option("--force", "run again where this configuration has been run"))
    .addOption(option("--no-figures", "tables alone"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew train lenet5 --method phew --density 0.05 --epochs 4
  phew train lenet5 --dataset mnist --data-dir data/mnist --method phew --density 0.05 --epochs 3
  phew train --config runs/train/6c47abdcca-0/config.json --runs elsewhere`,
    )
    .action(async (model, options, command: Command) => {
      const given = command.options
        .filter((declared) => command.getOptionValueSource(declared.attributeName()) === "cli")
        .map((declared) => declared.long!);
      await (await import("../verbs/train.ts")).train(model, options, given);
    });
}
