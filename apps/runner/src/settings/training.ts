/** Settings of the training loop. */
import { rules } from "@phew/training/settings";
import * as kind from "./kinds.ts";
import { OPTIMISER, OPTIMISER_SETTINGS } from "./optimisers.ts";
import { DENSE } from "./pruning.ts";
import { setting, TRAINING } from "./setting.ts";

export const TRAINING_LOOP = {
  /** The step, or the epoch, after which the run keeps its weights for others to be rewound to. */
  rewindStep: setting({
    type: kind.whole(0),
    flag: "--rewind-step <n>",
    help: "keep the weights after so many steps, for runs that start from them",
    unit: "steps",
    verbs: TRAINING,
    identity: "changed",
  }),
  rewindEpoch: setting({
    type: kind.whole(0, 100_000),
    flag: "--rewind-epoch <n>",
    help: "keep the weights after so many epochs",
    unit: "epochs",
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
    verbs: TRAINING,
    default: 64,
    identity: "always",
    inRecipes: true,
  }),
  ...OPTIMISER,
  // their names are data, no part of the table's type
  ...(OPTIMISER_SETTINGS as object),
  /** How the rate changes: `step` by drops, `cosine` to `endRate`. */
  schedule: setting({
    type: kind.oneOf("how the rate changes", ["step", "cosine"]),
    flag: "--schedule <kind>",
    help: "how the rate changes: step by drops, cosine to --end-rate",
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
    verbs: TRAINING,
    default: [0.5, 0.75],
    identity: "changed",
    inRecipes: true,
  }),
  dropFactor: setting({
    type: kind.real(0, 1),
    flag: "--drop-factor <f>",
    help: "what the rate is multiplied by",
    verbs: TRAINING,
    default: 0.1,
    identity: "changed",
    inRecipes: true,
  }),
  endRate: setting({
    type: kind.real(0),
    flag: "--end-rate <r>",
    help: "what a cosine ends at",
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
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  labelSmoothing: setting({
    type: kind.real(0, 0.999),
    flag: "--label-smoothing <s>",
    help: "0 is none",
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
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
  /** How the masks change while the network trains. Absent: they stay. */
  rule: setting({
    type: kind.oneOf(
      "a rule by which masks change",
      rules.map(({ name }) => name),
    ),
    flag: "--rule <name>",
    help: `change the masks while the network trains: ${rules.map(({ name }) => name).join(", ")}`,
    verbs: { train: {} },
    leftOut: "none",
    identity: "changed",
    inRecipes: true,
    conflict: ({ rule, method }) =>
      rule !== undefined && method === DENSE
        ? { given: `${rule} of a dense run`, expected: "a run that prunes" }
        : undefined,
    inNames: { isBare: true },
  }),
  ruleOptions: setting({
    type: kind.optionsOf("rule", "alpha=0.3"),
    flag: "--rule-option <name=value>",
    help: "option of the rule (docs/dynamic.md); may be repeated",
    verbs: { train: {} },
    belongsTo: "rule",
    identity: "changed",
    inRecipes: true,
    conflict: ({ rule, ruleOptions }) =>
      rule === undefined && Object.keys(ruleOptions ?? {}).length > 0
        ? { given: "some without a rule", expected: "a rule with them" }
        : undefined,
  }),
  /** Epochs without a better validation accuracy after which the run ends; 0: never. */
  patience: setting({
    type: kind.whole(0),
    flag: "--patience <n>",
    help: "end after so many epochs without a better validation accuracy; 0 is never",
    unit: "epochs",
    verbs: TRAINING,
    default: 0,
    identity: "changed",
    inRecipes: true,
  }),
};
