/**
 * Every setting, one entry each: flags and help, config.json, recipes, sweep files and their schema, the identity of a run,
 * columns of tables and docs/settings.md follow from it, in this order. Adding one: an entry in the file of its group, and
 * the code that uses it.
 */
import { DATA } from "./data.ts";
import { EXECUTION } from "./execution.ts";
import * as kind from "./kinds.ts";
import { MODEL } from "./model.ts";
import { PRUNING } from "./pruning.ts";
import { setting, TRAINING } from "./setting.ts";
import { TRAINING_LOOP } from "./training.ts";

const GENERAL = {
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
    isPerCall: true,
  }),
  ...MODEL,
};

const OUTPUT = {
  recipe: setting({
    type: kind.text(
      "name of a recipe (phew recipes lists them), or its file from where phew is called; other settings go before its own",
    ),
    flag: "--recipe <name>",
    help: "settings from a recipe (phew recipes lists them) or a .json file",
    verbs: TRAINING,
    identity: "expanded",
  }),
  watch: setting({
    type: kind.flag,
    flag: "--watch",
    help: "the live screen meanwhile; the run goes on where the screen is left",
    verbs: {
      ...TRAINING,
      sweep: { help: "the live screen of its runs meanwhile" },
      demo: { help: "the live screen of its runs meanwhile" },
    },
    isPerCall: true,
  }),
  figures: setting({
    type: kind.flag,
    flag: "--no-figures",
    help: "tables alone",
    verbs: { train: {} },
    default: true,
  }),
  control: setting({
    type: kind.flag,
    flag: "--no-control",
    help: "of a rule that finds its density: do not train masks of that density that stay",
    verbs: { train: {} },
    default: true,
  }),
  quiet: setting({
    type: kind.flag,
    flag: "--quiet",
    help: "no progress and no notes: results, warnings and failures alone",
    verbs: {
      ...TRAINING,
      prune: {},
      analyze: {},
      compare: {},
      predict: {},
      sweep: {},
      demo: {},
      bench: {},
      report: {},
      data: {},
    },
  }),
  json: setting({
    type: kind.flag,
    flag: "--json",
    help: "one JSON document on standard output",
    verbs: TRAINING,
    isPerCall: true,
  }),
};

export const SETTINGS = { ...GENERAL, ...DATA, ...PRUNING, ...TRAINING_LOOP, ...EXECUTION, ...OUTPUT };

/** Under the headings of help and docs. */
export const GROUPS = {
  Options: { ...GENERAL, ...OUTPUT },
  Data: DATA,
  Pruning: PRUNING,
  Training: TRAINING_LOOP,
  Execution: EXECUTION,
};
