/** Settings of the data: which data set, which part of it, and how it is fed to the network. */
import * as kind from "./kinds.ts";
import { setting, TRAINING } from "./setting.ts";

export const DATA = {
  dataset: setting({
    type: kind.named("a data set", ({ datasets }) => datasets),
    flag: "--dataset <name>",
    help: "glyphs (drawn by the program) or another; phew data lists them",
    verbs: {
      ...TRAINING,
      prune: { help: "or a data set, of which training examples are chosen by the seed", default: undefined },
      compare: { help: "or a data set; snip:samples=20 takes 20 of each class", default: undefined },
    },
    default: "glyphs",
    identity: "always",
    inNames: { isBare: true },
  }),
  /** Absent for embedded data sets. */
  dataDir: setting({
    type: kind.text("folder of the data set's files, from where phew is called"),
    flag: "--data-dir <path>",
    help: "folder of the data set's files, or their archive",
    verbs: {
      ...TRAINING,
      prune: {},
      compare: {},
    },
    identity: "changed",
  }),
  classCount: setting({
    type: kind.whole(2, 65_536),
    flag: "--classes <n>",
    help: "so many of the classes, chosen by --data-seed; of glyphs the first",
    unit: "classes",
    verbs: TRAINING,
    identity: "changed",
  }),
  trainCount: setting({
    type: kind.whole(1, 10_000_000),
    flag: "--train-count <n>",
    help: "so many training examples",
    unit: "examples",
    verbs: TRAINING,
    identity: "changed",
  }),
  samplesPerClass: setting({
    type: kind.whole(1, 10_000_000),
    flag: "--samples-per-class <n>",
    help: "so many different training examples of each class, repeated: as many steps as with all",
    unit: "examples",
    verbs: TRAINING,
    identity: "changed",
  }),
  testCount: setting({
    type: kind.whole(1, 10_000_000),
    flag: "--test-count <n>",
    help: "so many test examples",
    unit: "examples",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** Height and width of inputs, for images of any size. */
  imageSize: setting({
    type: kind.whole(1, 4096),
    flag: "--image-size <n>",
    help: "height and width of inputs, for image-folder",
    unit: "pixels",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** In place of the data set's own: inputs are (pixel / 255 − mean) / std, one number a channel. */
  mean: setting({
    type: kind.channels("a list of numbers, one for each channel, in place of the data set's own mean"),
    flag: "--mean <list>",
    help: "subtracted from pixels / 255, one number a channel; the set's own unless given",
    verbs: TRAINING,
    identity: "changed",
    inRecipes: true,
  }),
  std: setting({
    type: kind.channels(
      "a list of numbers above 0, one for each channel, in place of the data set's own deviation",
      0,
    ),
    flag: "--std <list>",
    help: "what is left is divided by, one number a channel; the set's own unless given",
    verbs: TRAINING,
    identity: "changed",
    inRecipes: true,
  }),
  /** Fraction of each class's training examples set aside to choose by; 0: none. */
  validation: setting({
    type: kind.part("a fraction of the training examples, at least 0 and below 1"),
    flag: "--validation <fraction>",
    help: "of each class's training examples, set aside to choose by",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  /** Seed of generated data and of choices; not the run's seed, so that runs of other seeds have the same data. */
  dataSeed: setting({
    type: kind.whole(0),
    flag: "--data-seed <n>",
    help: "seed of drawn images, chosen classes, validation examples",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** Augmentation of training images: none, usual, or for example crop4+flip. */
  augmentation: setting({
    type: kind.augmentation,
    flag: "--augmentation <what>",
    help: "of training images: none, usual, flip, crop4, crop4+flip",
    verbs: TRAINING,
    default: "none",
    identity: "changed",
    inRecipes: true,
  }),
};
