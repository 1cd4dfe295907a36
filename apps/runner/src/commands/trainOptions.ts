/** Options that say what a training is and where its run goes: of every verb that trains what is asked for. */
import type { Command } from "commander";
import * as parse from "../parse.ts";
import { TRAIN_DEFAULTS, USUAL_SETTINGS } from "../trainConfig.ts";
import {
  executorOption,
  fastMathOption,
  limitOption,
  methodOptionOption,
  option,
  strictOption,
  threadsOption,
} from "./options.ts";

/** As the training package's AUGMENTATION_TEXT, which is not loaded for help. */
const AUGMENTATION = /^(none|usual|flip|crop\d{1,4}(\+flip)?)$/;

export interface TrainOptionTexts {
  /** The method unless another is named. */
  readonly method: string;
  /** Which folder the runs go to unless one is named, for help. */
  readonly experiment: string;
}

export function withTrainOptions(command: Command, { method, experiment }: TrainOptionTexts): Command {
  return command
    .addOption(
      option("--dataset <name>", "glyphs (drawn by the program) or another; phew data lists them").default(
        USUAL_SETTINGS.dataset,
      ),
    )
    .addOption(option("--data-dir <path>", "folder of the data set's files, or their archive"))
    .addOption(
      option("--classes <n>", "so many of the classes, chosen by --data-seed; of glyphs the first").argParser(
        parse.wholeNumber("--classes", 2, 65_536),
      ),
    )
    .addOption(
      option("--train-count <n>", "so many training examples").argParser(
        parse.wholeNumber("--train-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--test-count <n>", "so many test examples").argParser(
        parse.wholeNumber("--test-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--data-seed <n>", "seed of drawn images, chosen classes, validation examples").argParser(
        parse.wholeNumber("--data-seed", 0),
      ),
    )
    .addOption(
      option("--image-size <n>", "height and width of inputs, for image-folder").argParser(
        parse.wholeNumber("--image-size", 1, 4096),
      ),
    )
    .addOption(
      option(
        "--mean <list>",
        "subtracted from pixels / 255, one number a channel; the set's own unless given",
      ).argParser(parse.channels("--mean")),
    )
    .addOption(
      option(
        "--std <list>",
        "what is left is divided by, one number a channel; the set's own unless given",
      ).argParser(parse.channels("--std", 0)),
    )
    .addOption(
      option("--validation <fraction>", "of each class's training examples, set aside to choose by")
        .argParser(parse.realNumber("--validation", 0, 0.999))
        .default(TRAIN_DEFAULTS.validation),
    )
    .addOption(
      option("--augmentation <what>", "of training images: none, usual, flip, crop4, crop4+flip")
        .argParser(parse.matching("--augmentation", AUGMENTATION, "none, usual, flip, crop4 or crop4+flip"))
        .default(TRAIN_DEFAULTS.augmentation),
    )
    .addOption(option("--recipe <name>", "settings from a recipe (phew recipes lists them) or a .json file"))
    .addOption(option("--method <name>", "pruning method, or dense").default(method))
    .addOption(option("--density <d>", "fraction of weights kept").argParser(parse.density))
    .addOption(methodOptionOption())
    .addOption(
      option("--seed <n>", "seed of weights, walks and data order")
        .argParser(parse.wholeNumber("--seed", 0))
        .default(0),
    )
    .addOption(
      option(
        "--rewind-step <n>",
        "keep the weights after so many steps, for runs that start from them",
      ).argParser(parse.wholeNumber("--rewind-step", 0)),
    )
    .addOption(
      option("--rewind-epoch <n>", "keep the weights after so many epochs").argParser(
        parse.wholeNumber("--rewind-epoch", 0, 100_000),
      ),
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
      option("--schedule <kind>", "how the rate changes: step by drops, cosine to --end-rate")
        .argParser(parse.oneOf("--schedule", ["step", "cosine"]))
        .default(TRAIN_DEFAULTS.schedule),
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
      option("--end-rate <r>", "what a cosine ends at")
        .argParser(parse.realNumber("--end-rate", 0))
        .default(TRAIN_DEFAULTS.endRate),
    )
    .addOption(
      option("--warmup-epochs <n>", "the rate rises over so many epochs")
        .argParser(parse.realNumber("--warmup-epochs", 0))
        .default(TRAIN_DEFAULTS.warmupEpochs),
    )
    .addOption(
      option("--label-smoothing <s>", "0 is none")
        .argParser(parse.realNumber("--label-smoothing", 0, 0.999))
        .default(0),
    )
    .addOption(
      option("--clip-norm <c>", "gradients are shortened to this norm; 0 is never")
        .argParser(parse.realNumber("--clip-norm", 0))
        .default(TRAIN_DEFAULTS.clipNorm),
    )
    .addOption(
      option("--patience <n>", "end after so many epochs without a better validation accuracy; 0 is never")
        .argParser(parse.wholeNumber("--patience", 0))
        .default(TRAIN_DEFAULTS.patience),
    )
    .addOption(executorOption())
    .addOption(fastMathOption())
    .addOption(threadsOption())
    .addOption(option("--runs <folder>", "where run folders go").default("runs"))
    .addOption(option("--experiment <name>", `folder of this and like runs; ${experiment}`))
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
    .addOption(limitOption())
    .addOption(strictOption())
    .addOption(option("--resume", "go on with a run that was begun and not finished; so without it"))
    .addOption(option("--no-resume", "begin such a run again"))
    .addOption(option("--force", "run again where this configuration has been run"));
}

/** Options that stand on the command line, by their long names. */
export function givenOptions(command: Command): string[] {
  return command.options
    .filter((declared) => command.getOptionValueSource(declared.attributeName()) === "cli")
    .map((declared) => declared.long!);
}
