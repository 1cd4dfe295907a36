/**
 * What runs are told apart by: the settings in which they differ. All that names, groups or averages runs asks here.
 *
 *   const told = configurationsOf(runs);          // of a list, of records, tasks of a sweep; whatever runs they are
 *   told.shared                                   // "glyphs · phew 5 % · epochs 1": what none differs in, to be said once
 *   told.columns                                  // the settings that vary, as columns of a table
 *   told.nameOf(run), told.seedOf(run)            // "lenet5 · rate 0.05", "seed 1"; both: told.titleOf(run)
 *   for (const { name, runs } of told.all)        // runs that differ in nothing but their seed
 *     spreadOf(runs.flatMap((run) => run.summary.testAccuracy ?? []));   // mean, deviation, 95 % interval, count
 *
 * A line of a figure over the density is one of `configurationsOf(runs, { over: ["density"] })`: several configurations,
 * each with its own mean. Runs of other experiments, models, settings, files or data are never of one configuration.
 */
import type { RunConfig } from "../canonicalJson.ts";
import {
  DATA,
  EXPERIMENT,
  type Fact,
  type Facts,
  factOf,
  factsOf,
  isBare,
  isContent,
  isPercent,
  labelOf,
} from "./facts.ts";
import { namesOf, sharedText, varyingSettings } from "./names.ts";

/** What a run must contain to be compared with others; entries, records and tasks of sweeps do. */
export interface ConfiguredRun {
  /** Name of its folder: the hash of its configuration and the seed. */
  readonly id: string;
  readonly experiment: string;
  readonly config: RunConfig;
  /** Of the files that its data set was read from; absent if there are none, or if they are unknown. */
  readonly dataDigest?: string;
}

export interface Configuration<Run> {
  /**
   * The settings in which it differs from others of its experiment, behind the experiment where there are several; of one
   * alone its method and density. No two are called alike.
   */
  readonly name: string;
  /** Without the experiment, for where that stands above. */
  readonly shortName: string;
  /** In the order given. */
  readonly runs: readonly Run[];
}

/** A setting as a column of a table. */
export interface SettingColumn<Run> {
  /** Its name in files, of an option `options.bias`; `experiment` and `data` beside them. */
  readonly key: string;
  readonly title: string;
  /** A fraction that people read as a percentage. */
  readonly isPercent: boolean;
  /** Undefined if the run does not have the setting. */
  readonly cellOf: (run: Run) => string | number | boolean | undefined;
}

export interface Configurations<Run> {
  /** In the order of the first run of each. */
  readonly all: readonly Configuration<Run>[];
  /** Of the settings that vary, in the order of their table. */
  readonly columns: readonly SettingColumn<Run>[];
  /** Of model, data set, method and density, where they do not: for files that nothing stands above. */
  readonly sameColumns: readonly SettingColumn<Run>[];
  /** What none differs in, but for what is at its default; an empty text where there is nothing of it. */
  readonly shared: string;
  /** What none of one experiment differs in. */
  readonly sharedOf: (experiment: string) => string;
  readonly of: (run: Run) => Configuration<Run>;
  readonly nameOf: (run: Run) => string;
  /** An empty text where seeds do not vary, or the run has none. */
  readonly seedOf: (run: Run) => string;
  /** Both: "lenet5 · rate 0.05 · seed 1". */
  readonly titleOf: (run: Run) => string;
}

interface Group<Run> {
  readonly facts: Facts;
  readonly runs: Run[];
}

/**
 * @param runs each but once
 * @param options `over`: names of settings that are of no account
 */
export function configurationsOf<Run extends ConfiguredRun>(
  runs: readonly Run[],
  { over = [] }: { readonly over?: readonly string[] } = {},
): Configurations<Run> {
  const groups = [...groupsOf(runs, over).values()].flatMap(splitByData);
  const many = groups.map(({ facts }) => facts);
  const varying = varyingSettings(many);
  const all = named(groups, varying.has(EXPERIMENT));
  const places = new Map(groups.flatMap((group, k) => group.runs.map((run) => [run, k] as const)));
  const of = (run: Run) => all[places.get(run)!]!;
  const columnOf = (key: string): SettingColumn<Run> => ({
    key,
    title: labelOf(key),
    isPercent: isPercent(key),
    cellOf: (run) => cellValue(key, many[places.get(run)!]!.get(key), varying.get(key)),
  });
  const seeds = new Set(runs.map(({ config }) => config.seed));
  const seedOf = ({ config: { seed } }: Run) => (seeds.size > 1 && seed !== undefined ? `seed ${seed}` : "");
  return {
    all,
    columns: [...varying.keys()].map(columnOf),
    sameColumns: [...(many[0]?.keys() ?? [])]
      .filter((key) => isBare(key) && key !== EXPERIMENT && !varying.has(key))
      .map(columnOf),
    shared: sharedText(many, varying),
    sharedOf: (experiment) => {
      const own = groups
        .filter(({ runs: [run] }) => run!.experiment === experiment)
        .map(({ facts }) => facts);
      return sharedText(own, varyingSettings(own));
    },
    of,
    nameOf: (run) => of(run).name,
    seedOf,
    titleOf: (run) => [of(run).name, seedOf(run)].filter(Boolean).join(" · "),
  };
}

/** Runs of one experiment are told from each other; those of others bear its name. */
function named<Run extends ConfiguredRun>(
  groups: readonly Group<Run>[],
  withExperiment: boolean,
): Configuration<Run>[] {
  const experimentOf = ({ runs: [run] }: Group<Run>) => run!.experiment;
  const names = new Map<Group<Run>, string>();
  for (const experiment of new Set(groups.map(experimentOf))) {
    const own = groups.filter((group) => experimentOf(group) === experiment);
    const facts = own.map((group) => group.facts);
    const ids = own.map(({ runs: [run] }) => run!.id);
    for (const [k, name] of namesOf(facts, varyingSettings(facts), ids).entries()) names.set(own[k]!, name);
  }
  return groups.map((group) => {
    const shortName = names.get(group)!;
    return {
      name: withExperiment ? `${experimentOf(group)}/${shortName}` : shortName,
      shortName,
      runs: group.runs,
    };
  });
}

function groupsOf<Run extends ConfiguredRun>(runs: readonly Run[], over: readonly string[]) {
  const groups = new Map<string, Group<Run>>();
  for (const run of runs) {
    const facts = new Map([[EXPERIMENT, factOf(run.experiment)], ...factsOf(run.config)]);
    for (const key of over) facts.delete(key);
    const identity = JSON.stringify([...facts].map(([key, fact]) => [key, fact.identity]));
    const group = groups.get(identity);
    if (group) group.runs.push(run);
    else groups.set(identity, { facts, runs: [run] });
  }
  return groups;
}

/** Separates runs of one configuration by their data; runs with unknown data are then a group of their own. */
function splitByData<Run extends ConfiguredRun>(group: Group<Run>): Group<Run>[] {
  const digests = new Set(group.runs.flatMap(({ dataDigest }) => dataDigest ?? []));
  if (digests.size < 2) return [group];
  const all = new Set(group.runs.map(({ dataDigest }) => dataDigest));
  return [...all].map((digest) => ({
    facts: digest === undefined ? group.facts : new Map([...group.facts, [DATA, factOf(digest)]]),
    runs: group.runs.filter(({ dataDigest }) => dataDigest === digest),
  }));
}

function cellValue(key: string, fact: Fact | undefined, texts?: ReadonlyMap<string, string>) {
  if (fact === undefined) return undefined;
  const { value, identity } = fact;
  const isPlain = typeof value === "number" || typeof value === "boolean" || typeof value === "string";
  return isPlain && !isContent(key) ? value : texts?.get(identity);
}
