/** Settings of how a run is carried out: all but the executor change no number of it. */
import { executorNames } from "@phew/training/settings";
import * as kind from "./kinds.ts";
import { setting, TRAINING } from "./setting.ts";

export const EXECUTION = {
  executor: setting({
    type: kind.oneOf("what computes", executorNames),
    flag: "--executor <name>",
    help: `what computes: ${executorNames.join(", ")}`,
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
    verbs: { ...TRAINING, predict: {}, bench: {} },
    identity: "changed",
  }),
  threads: setting({
    type: kind.whole(1, 256),
    flag: "--threads <n>",
    help: "threads of the sparse executor",
    unit: "threads",
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
    verbs: { ...TRAINING, sweep: {}, demo: {}, runs: { help: "where run folders are" } },
    default: "runs",
  }),
  experiment: setting({
    type: kind.text(),
    flag: "--experiment <name>",
    help: "folder of this and like runs; train unless --config names one",
    verbs: { train: {}, imp: { help: "folder of this and like runs; imp unless given" } },
  }),
  checkpointSteps: setting({
    type: kind.whole(1),
    flag: "--checkpoint-steps <n>",
    help: "keep a checkpoint after so many steps",
    unit: "steps",
    verbs: TRAINING,
  }),
  checkpointMinutes: setting({
    type: kind.real(0),
    flag: "--checkpoint-minutes <m>",
    help: "keep a checkpoint after so many minutes; 5 unless by steps",
    unit: "minutes",
    verbs: TRAINING,
  }),
  strict: setting({
    type: kind.flag,
    flag: "--strict",
    help: "a mask that cuts outputs off or collapses a layer is an error, not a warning",
    verbs: { ...TRAINING, prune: {}, compare: {}, sweep: {}, demo: {} },
  }),
  limit: setting({
    type: kind.time,
    flag: "--limit <time>",
    help: "longest that walks may be expected to take: 10m, 2h, none; 1h unless given",
    verbs: { ...TRAINING, prune: {}, compare: {}, sweep: {} },
  }),
  resume: setting({
    type: kind.flag,
    flag: "--resume",
    help: "go on with a run that was begun and not finished; so without it",
    negatedHelp: "begin such a run again",
    verbs: TRAINING,
    conflict: ({ resume, force }) =>
      resume === true && force === true
        ? {
            given: "together with --force",
            expected: "one of them: to go on with the run, or to do it again",
          }
        : undefined,
    isPerCall: true,
  }),
  force: setting({
    type: kind.flag,
    flag: "--force",
    help: "run again where this configuration has been run",
    verbs: TRAINING,
    isPerCall: true,
  }),
};
