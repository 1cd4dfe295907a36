/** Settings of the pruning: how many and which weights are kept, and of which weights. */
import { checks, initialisations, pruners } from "@phew/core";
import { rules } from "@phew/training/settings";
import * as kind from "./kinds.ts";
import { setting, TRAINING } from "./setting.ts";

/** Value of the setting `method` for a run that is not pruned. */
export const DENSE = "dense";

/** Settings that name files of other runs. */
export const SOURCE_SETTINGS = ["scoreWeights", "startWeights", "within"] as const;

/** Settings whose files stand in a configuration with their digests; a model may be a name of the zoo instead. */
export const DIGESTED_SETTINGS = ["model", ...SOURCE_SETTINGS] as const;

export const PRUNING = {
  /** A pruning method, or `dense`. */
  method: setting({
    type: kind.named("a pruning method, or dense", () => [...pruners.keys(), DENSE]),
    flag: "--method <name>",
    help: "pruning method, or dense",
    verbs: {
      train: {},
      imp: { default: "magnitude" },
      prune: { help: "pruning method; phew prune --methods lists them" },
    },
    default: "phew",
    identity: "always",
    inNames: { isBare: true },
  }),
  /** Fraction of weights kept; 1 for dense. */
  density: setting({
    type: kind.density,
    flag: "--density <d>",
    help: "fraction of weights kept; auto for a rule that finds it",
    unit: "of the prunable weights",
    verbs: TRAINING,
    follows: ({ method, rule }) =>
      method === DENSE ? 1 : rules.find(({ name }) => name === rule)?.schedule.densityBound,
    missing: {
      expected: (name) => `the fraction of weights kept, such as ${name}0.05`,
      remedy: "For a dense run: --method dense. To find it: --rule path-find, with --validation 0.1.",
    },
    required: true,
    leftOut: kind.AUTO,
    identity: "always",
    conflict: ({ method, density }) =>
      method === DENSE && density !== 1
        ? { given: `${density} for a dense run`, expected: "none, or 1" }
        : undefined,
    inNames: { isBare: true, isPercent: true },
  }),
  options: setting({
    type: kind.optionsOf("method", "branching=weight"),
    flag: "--option <name=value>",
    help: "option of the method; may be repeated",
    verbs: { ...TRAINING, prune: {}, bench: {} },
    default: {},
    belongsTo: "method",
    identity: "changed",
  }),
  /** A sanity check to apply to the mask; absent for none. */
  check: setting({
    type: kind.oneOf("a sanity check", [...checks.keys()]),
    flag: "--check <name>",
    help: `sanity check that the mask goes through: ${[...checks.keys()].join(", ")}`,
    verbs: { train: {}, prune: {} },
    leftOut: "none",
    identity: "changed",
    conflict: ({ check, method }) => ofDense(check, method, `${check} of a dense run`),
  }),
  checkOptions: setting({
    type: kind.optionsOf("check", "within=layer"),
    flag: "--check-option <name=value>",
    help: "option of the check; may be repeated",
    verbs: { train: {}, prune: {} },
    belongsTo: "check",
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
    verbs: { train: {} },
    identity: "content",
    noun: "weights to prune by",
    conflict: ({ scoreWeights, method }) => ofDense(scoreWeights, method),
  }),
  /** Weights that training starts from, alike. Absent: drawn with `seed`. */
  startWeights: setting({
    type: kind.weightsOf("that training starts from"),
    flag: "--start-weights <what>",
    help: "train from these, named alike; drawn with --seed, or a model file's own, unless given",
    verbs: { train: {} },
    identity: "content",
    noun: "weights to start from",
  }),
  /** The distribution that weights are drawn from. Absent: the network's own, or the weights of its file. */
  init: setting({
    type: kind.oneOf("how weights are drawn", [...initialisations.keys()]),
    flag: "--init <scheme>",
    help: "how weights are drawn; the network's own way, or a model file's weights, unless given",
    verbs: TRAINING,
    identity: "changed",
    noun: "an initialisation",
    conflict: ({ init, startWeights, check }) => {
      if (init === undefined) return undefined;
      const other = startWeights !== undefined ? "weights that training starts from" : undefined;
      const beside =
        other ?? (check === "reinitialise" ? "a check that draws them in the network's own way" : undefined);
      return beside === undefined
        ? undefined
        : { given: `one beside ${beside}`, expected: "one or the other" };
    },
  }),
  /** Masks to choose the weights within: a file, or a run's folder. Absent: no restriction. */
  within: setting({
    type: kind.text("masks whose weights alone may be kept: a file, or a run's folder"),
    flag: "--within <masks>",
    help: "keep weights of these masks alone: a file, or a run's folder",
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
  /** SHA-256 of the files that {@link DIGESTED_SETTINGS} mean, by setting. */
  sourceDigests: setting({
    type: kind.digestsOf(DIGESTED_SETTINGS),
    help: "SHA-256 of the files of model, score weights, start weights and masks; phew writes it",
    identity: "changed",
  }),
};

function ofDense(value: unknown, method: unknown, given = "some for a dense run") {
  const isWrong = value !== undefined && method === DENSE;
  return isWrong ? { given, expected: "a run that prunes" } : undefined;
}
