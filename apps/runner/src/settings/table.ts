/**
 * Every setting of a run, one entry each: flags and help, config.json, recipes, sweep files and their schema, the identity
 * of a run, columns of tables and docs/settings.md follow from it. Adding one: an entry here, and the code that uses it.
 * In the order in which files and help show them.
 */
import { checks, formatPercent, pruners, zooEntries } from "@phew/core";
import { executorNames } from "@phew/training/settings";
import * as kind from "./kinds.ts";
import { setting } from "./setting.ts";

/** Value of the setting `method` for a run that is not pruned. */
export const DENSE = "dense";

/** Settings that name files of other runs. */
export const SOURCE_SETTINGS = ["scoreWeights", "startWeights", "within"] as const;

/** Verbs that train what is asked for. */
const TRAINING = { train: {}, imp: {} };

export const SETTINGS = {
  rounds: setting({
    type: kind.whole(1, 1000),
    flag: "--rounds <r>",
    help: "after round k of r the density is that asked for to the power k/r; unless given as many as remove a fifth each",
    verbs: { imp: {} },
  }),
  config: setting({
    type: kind.text(),
    flag: "--config <file>",
    help: "all settings of the run from a run folder's config.json",
    verbs: { train: {} },
  }),
  /** Name of the zoo. */
  model: setting({
    type: kind.named("a network of the zoo", () => zooEntries.map(({ name }) => name)),
    help: "name of the zoo",
    required: true,
    identity: "always",
    column: { always: true },
  }),
  dataset: setting({
    type: kind.named("a data set", ({ datasets }) => datasets),
    flag: "--dataset <name>",
    help: "glyphs (drawn by the program) or another; phew data lists them",
    group: "Data",
    verbs: {
      ...TRAINING,
      prune: { help: "or a data set, of which training examples are chosen by the seed", default: undefined },
      compare: { help: "or a data set; snip:samples=20 takes 20 of each class", default: undefined },
    },
    default: "glyphs",
    identity: "always",
    column: { always: true },
  }),
  /** Absent for embedded data sets. */
  dataDir: setting({
    type: kind.text("folder of the data set's files, from where phew is called"),
    flag: "--data-dir <path>",
    help: "folder of the data set's files, or their archive",
    group: "Data",
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
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
  }),
  trainCount: setting({
    type: kind.whole(1, 10_000_000),
    flag: "--train-count <n>",
    help: "so many training examples",
    unit: "examples",
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
  }),
  testCount: setting({
    type: kind.whole(1, 10_000_000),
    flag: "--test-count <n>",
    help: "so many test examples",
    unit: "examples",
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** Height and width of inputs, for images of any size. */
  imageSize: setting({
    type: kind.whole(1, 4096),
    flag: "--image-size <n>",
    help: "height and width of inputs, for image-folder",
    unit: "pixels",
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** In place of the data set's own: inputs are (pixel / 255 − mean) / std, one number a channel. */
  mean: setting({
    type: kind.channels("a list of numbers, one for each channel, in place of the data set's own mean"),
    flag: "--mean <list>",
    help: "subtracted from pixels / 255, one number a channel; the set's own unless given",
    group: "Data",
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
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
    inRecipes: true,
  }),
  /** Fraction of each class's training examples set aside to choose by; 0: none. */
  validation: setting({
    type: kind.part("a fraction of the training examples, at least 0 and below 1"),
    flag: "--validation <fraction>",
    help: "of each class's training examples, set aside to choose by",
    group: "Data",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  /** Of data that are drawn or chosen; not the run's seed, so that runs of other seeds see the same data. */
  dataSeed: setting({
    type: kind.whole(0),
    flag: "--data-seed <n>",
    help: "seed of drawn images, chosen classes, validation examples",
    group: "Data",
    verbs: TRAINING,
    identity: "changed",
  }),
  /** Of training images: none, usual, or as crop4+flip. */
  augmentation: setting({
    type: kind.augmentation,
    flag: "--augmentation <what>",
    help: "of training images: none, usual, flip, crop4, crop4+flip",
    group: "Training",
    verbs: TRAINING,
    default: "none",
    identity: "changed",
    inRecipes: true,
  }),
  /** A pruning method, or `dense`. */
  method: setting({
    type: kind.named("a pruning method, or dense", () => [...pruners.keys(), DENSE]),
    flag: "--method <name>",
    help: "pruning method, or dense",
    group: "Pruning",
    verbs: {
      train: {},
      imp: { default: "magnitude" },
      prune: { help: "pruning method; phew prune --methods lists them" },
    },
    default: "phew",
    identity: "always",
    column: { always: true },
  }),
  /** Fraction of weights kept; 1 for dense. */
  density: setting({
    type: kind.density,
    flag: "--density <d>",
    help: "fraction of weights kept",
    unit: "of the prunable weights",
    group: "Pruning",
    verbs: TRAINING,
    follows: ({ method }) => (method === DENSE ? 1 : undefined),
    missing: {
      expected: (name) => `the fraction of weights kept, such as ${name}0.05`,
      remedy: "For a dense run: --method dense.",
    },
    required: true,
    identity: "always",
    conflict: ({ method, density }) =>
      method === DENSE && density !== 1
        ? { given: `${density} for a dense run`, expected: "none, or 1" }
        : undefined,
    column: { always: true, format: formatPercent },
  }),
  options: setting({
    type: kind.optionsOf("method", "branching=weight"),
    flag: "--option <name=value>",
    help: "option of the method; may be repeated",
    group: "Pruning",
    verbs: { ...TRAINING, prune: {}, bench: {} },
    default: {},
    identity: "changed",
  }),
  /** A sanity check that the mask goes through; absent where there is none. */
  check: setting({
    type: kind.oneOf("a sanity check", [...checks.keys()]),
    flag: "--check <name>",
    help: `sanity check that the mask goes through: ${[...checks.keys()].join(", ")}`,
    group: "Pruning",
    verbs: { train: {}, prune: {} },
    identity: "changed",
    conflict: ({ check, method }) => ofDense(check, method, `${check} of a dense run`),
  }),
  checkOptions: setting({
    type: kind.optionsOf("check", "within=layer"),
    flag: "--check-option <name=value>",
    help: "option of the check; may be repeated",
    group: "Pruning",
    verbs: { train: {}, prune: {} },
    identity: "changed",
    conflict: ({ check, checkOptions }) =>
      check === undefined && Object.keys(checkOptions ?? {}).length > 0
        ? { given: "some without a check", expected: "a check with them" }
        : undefined,
  }),
  /** Weights that the method prunes by: a file, or a run as `FOLDER[@final|@best|@rewind]`. Absent: those trained from. */
  scoreWeights: setting({
    type: kind.weightsOf("that the method prunes by"),
    flag: "--score-weights <what>",
    help: "prune by these weights: a file, or a run as FOLDER[@final|@best|@rewind]",
    group: "Pruning",
    verbs: { train: {} },
    identity: "content",
    noun: "weights to prune by",
    conflict: ({ scoreWeights, method }) => ofDense(scoreWeights, method),
  }),
  /** Weights that training starts from, alike. Absent: drawn with `seed`. */
  startWeights: setting({
    type: kind.weightsOf("that training starts from"),
    flag: "--start-weights <what>",
    help: "train from these, named alike; drawn with --seed unless given",
    group: "Training",
    verbs: { train: {} },
    identity: "content",
    noun: "weights to start from",
  }),
  /** Masks whose weights alone may be kept: a file, or a run's folder. Absent: all may be. */
  within: setting({
    type: kind.text("masks whose weights alone may be kept: a file, or a run's folder"),
    flag: "--within <masks>",
    help: "keep weights of these masks alone: a file, or a run's folder",
    group: "Pruning",
    verbs: {
      train: {},
      prune: {
        help: "masks of which weights alone may be kept, or a run's folder; a run as the model keeps within its own",
      },
    },
    identity: "content",
    noun: "masks to keep within",
    conflict: ({ within, method }) => ofDense(within, method),
  }),
  /** SHA-256 of the files that {@link SOURCE_SETTINGS} mean, by setting. */
  sourceDigests: setting({
    type: kind.digestsOf(SOURCE_SETTINGS),
    help: "SHA-256 of the files of score weights, start weights and masks; phew writes it",
    group: "Pruning",
    identity: "changed",
  }),
  /** The step, or the epoch, after which the run keeps its weights for others to be rewound to. */
  rewindStep: setting({
    type: kind.whole(0),
    flag: "--rewind-step <n>",
    help: "keep the weights after so many steps, for runs that start from them",
    unit: "steps",
    group: "Training",
    verbs: TRAINING,
    identity: "changed",
  }),
  rewindEpoch: setting({
    type: kind.whole(0, 100_000),
    flag: "--rewind-epoch <n>",
    help: "keep the weights after so many epochs",
    unit: "epochs",
    group: "Training",
    verbs: TRAINING,
    identity: "changed",
    conflict: ({ rewindStep, rewindEpoch }) =>
      rewindStep !== undefined && rewindEpoch !== undefined
        ? { given: "a step and an epoch", expected: "one of them" }
        : undefined,
  }),
  seed: setting({
    type: kind.whole(0),
    flag: "--seed <n>",
    help: "seed of weights, walks and data order",
    group: "Training",
    verbs: {
      ...TRAINING,
      prune: { help: "seed of weights and walks", default: undefined },
      analyze: { help: "seed of weights and walks", default: undefined },
      predict: { help: "seed of weights and walks", default: undefined },
      export: { help: "seed of weights and walks", default: undefined },
      demo: { help: "seed of weights, walks and data" },
      bench: { help: "seed of weights, masks and data" },
    },
    default: 0,
    identity: "seed",
  }),
  epochs: setting({
    type: kind.whole(1, 100_000),
    flag: "--epochs <n>",
    help: "passes over the training set",
    unit: "epochs",
    group: "Training",
    verbs: TRAINING,
    default: 4,
    identity: "always",
    inRecipes: true,
  }),
  batchSize: setting({
    type: kind.whole(1, 65_536),
    flag: "--batch-size <n>",
    help: "examples a step",
    unit: "examples",
    group: "Training",
    verbs: TRAINING,
    default: 64,
    identity: "always",
    inRecipes: true,
  }),
  rate: setting({
    type: kind.real(0),
    flag: "--rate <r>",
    help: "learning rate",
    group: "Training",
    verbs: TRAINING,
    default: 0.02,
    identity: "always",
    inRecipes: true,
  }),
  momentum: setting({
    type: kind.real(0, 0.9999),
    flag: "--momentum <m>",
    help: "momentum of gradient descent",
    group: "Training",
    verbs: TRAINING,
    default: 0.9,
    identity: "changed",
    inRecipes: true,
  }),
  nesterov: setting({
    type: kind.flag,
    flag: "--no-nesterov",
    help: "plain momentum",
    group: "Training",
    verbs: TRAINING,
    default: true,
    identity: "changed",
    inRecipes: true,
  }),
  weightDecay: setting({
    type: kind.real(0),
    flag: "--weight-decay <l>",
    help: "on all trained parameters",
    group: "Training",
    verbs: TRAINING,
    default: 1e-4,
    identity: "changed",
    inRecipes: true,
  }),
  /** How the rate changes: `step` by drops, `cosine` to `endRate`. */
  schedule: setting({
    type: kind.oneOf("how the rate changes", ["step", "cosine"]),
    flag: "--schedule <kind>",
    help: "how the rate changes: step by drops, cosine to --end-rate",
    group: "Training",
    verbs: TRAINING,
    default: "step",
    identity: "changed",
    inRecipes: true,
  }),
  /** Fractions of the run at which the rate is multiplied by `dropFactor`. */
  drops: setting({
    type: kind.fractions,
    flag: "--drops <fractions>",
    help: "the rate drops at these fractions of the run, or none",
    unit: "of all epochs",
    group: "Training",
    verbs: TRAINING,
    default: [0.5, 0.75],
    identity: "changed",
    inRecipes: true,
  }),
  dropFactor: setting({
    type: kind.real(0, 1),
    flag: "--drop-factor <f>",
    help: "what the rate is multiplied by",
    group: "Training",
    verbs: TRAINING,
    default: 0.1,
    identity: "changed",
    inRecipes: true,
  }),
  endRate: setting({
    type: kind.real(0),
    flag: "--end-rate <r>",
    help: "what a cosine ends at",
    group: "Training",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  warmupEpochs: setting({
    type: kind.real(0),
    flag: "--warmup-epochs <n>",
    help: "the rate rises over so many epochs",
    unit: "epochs",
    group: "Training",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  labelSmoothing: setting({
    type: kind.real(0, 0.999),
    flag: "--label-smoothing <s>",
    help: "0 is none",
    group: "Training",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  /** Global norm at which gradients are clipped; 0: nowhere. */
  clipNorm: setting({
    type: kind.real(0),
    flag: "--clip-norm <c>",
    help: "gradients are shortened to this norm; 0 is never",
    group: "Training",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  /** Epochs without a better validation accuracy after which the run ends; 0: never. */
  patience: setting({
    type: kind.whole(0),
    flag: "--patience <n>",
    help: "end after so many epochs without a better validation accuracy; 0 is never",
    unit: "epochs",
    group: "Training",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  executor: setting({
    type: kind.oneOf("what computes", executorNames),
    flag: "--executor <name>",
    help: `what computes: ${executorNames.join(", ")}`,
    group: "Execution",
    verbs: { ...TRAINING, predict: {}, bench: {} },
    default: executorNames[0]!,
    isDefaultInHelp: true,
    identity: "always",
  }),
  /** Fused multiply-add; absent: none, and the same bits on every machine. */
  fastMath: setting({
    type: kind.flag,
    flag: "--fast-math",
    help: "fused multiply-add in the sparse executor: faster, not the same bits on every machine",
    group: "Execution",
    verbs: { ...TRAINING, predict: {}, bench: {} },
    identity: "changed",
  }),
  recipe: setting({
    type: kind.text(
      "name of a recipe (phew recipes lists them), or its file from where phew is called; other settings go before its own",
    ),
    flag: "--recipe <name>",
    help: "settings from a recipe (phew recipes lists them) or a .json file",
    verbs: TRAINING,
    identity: "expanded",
  }),
  threads: setting({
    type: kind.whole(1, 256),
    flag: "--threads <n>",
    help: "threads of the sparse executor",
    unit: "threads",
    group: "Execution",
    verbs: {
      ...TRAINING,
      prune: {},
      analyze: {},
      predict: {},
      sweep: { help: "threads of each run" },
      bench: { help: "threads of the executor, and of PyTorch" },
    },
  }),
  runs: setting({
    type: kind.text(),
    flag: "--runs <folder>",
    help: "where run folders go",
    group: "Execution",
    verbs: { ...TRAINING, sweep: {}, demo: {} },
    default: "runs",
  }),
  experiment: setting({
    type: kind.text(),
    flag: "--experiment <name>",
    help: "folder of this and like runs; train unless --config names one",
    group: "Execution",
    verbs: { train: {}, imp: { help: "folder of this and like runs; imp unless given" } },
  }),
  checkpointSteps: setting({
    type: kind.whole(1),
    flag: "--checkpoint-steps <n>",
    help: "keep a checkpoint after so many steps",
    unit: "steps",
    group: "Execution",
    verbs: TRAINING,
  }),
  checkpointMinutes: setting({
    type: kind.real(0),
    flag: "--checkpoint-minutes <m>",
    help: "keep a checkpoint after so many minutes; 5 unless by steps",
    unit: "minutes",
    group: "Execution",
    verbs: TRAINING,
  }),
  strict: setting({
    type: kind.flag,
    flag: "--strict",
    help: "a mask that cuts outputs off or collapses a layer is an error, not a warning",
    group: "Execution",
    verbs: { ...TRAINING, prune: {}, compare: {}, sweep: {}, demo: {} },
  }),
  limit: setting({
    type: kind.time,
    flag: "--limit <time>",
    help: "longest that walks may be expected to take: 10m, 2h, none; 1h unless given",
    unit: "milliseconds",
    group: "Execution",
    verbs: { ...TRAINING, prune: {}, compare: {}, sweep: {} },
  }),
  resume: setting({
    type: kind.flag,
    flag: "--resume",
    help: "go on with a run that was begun and not finished; so without it",
    negatedHelp: "begin such a run again",
    group: "Execution",
    verbs: TRAINING,
    conflict: ({ resume, force }) =>
      resume === true && force === true
        ? {
            given: "together with --force",
            expected: "one of them: to go on with the run, or to do it again",
          }
        : undefined,
  }),
  force: setting({
    type: kind.flag,
    flag: "--force",
    help: "run again where this configuration has been run",
    group: "Execution",
    verbs: TRAINING,
  }),
  watch: setting({
    type: kind.flag,
    flag: "--watch",
    help: "the live screen meanwhile; the run goes on where the screen is left",
    verbs: { train: {} },
  }),
  figures: setting({
    type: kind.flag,
    flag: "--no-figures",
    help: "tables alone",
    verbs: { train: {} },
    default: true,
  }),
  json: setting({
    type: kind.flag,
    flag: "--json",
    help: "one JSON document on standard output",
    verbs: TRAINING,
  }),
};

function ofDense(value: unknown, method: unknown, given = "some for a dense run") {
  const isWrong = value !== undefined && method === DENSE;
  return isWrong ? { given, expected: "a run that prunes" } : undefined;
}
