/**
 * The settings in which runs differ. All code that names, groups or averages runs uses this module.
 *
 *   const configurations = configurationsOf(runs);   // entries of a list, records, or tasks of a sweep
 *   configurations.shared                            // the settings that all share: "glyphs · phew 5 % · epochs 1"
 *   configurations.columns                           // the settings that vary, as columns of a table
 *   configurations.nameOf(run), .seedOf(run)         // "lenet5 · rate 0.05", "seed 1"; .titleOf(run) has both
 *   for (const { name, runs } of configurations.all)   // runs that differ in nothing but their seed
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
  identityOfAll,
  isBare,
  isContent,
  isPercent,
  labelOf,
  optionDefault,
} from "./facts.ts";
import {
  type ConfigurationName,
  namesOf,
  type SameSetting,
  sameSettings,
  sharedText,
  sorted,
  varyingSettings,
} from "./names.ts";

/** What a run must contain to be compared with others; entries, records and tasks of sweeps do. */
export interface ConfiguredRun {
  /** Name of its folder: the hash of its configuration and the seed. */
  readonly id: string;
  readonly experiment: string;
  readonly config: RunConfig;
  /** True: its `config.json` cannot be read. It is a configuration by itself, called by its id. */
  readonly isConfigUnknown?: boolean;
  /** Of the files that its data set was read from; absent if there are none, or if they are unknown. */
  readonly dataDigest?: string;
}

export interface Configuration<Run> {
  /**
   * The settings in which it differs from others of its experiment, behind the experiment where there are several; of one
   * alone its method and density. No two are called alike.
   */
  readonly name: string;
  /** Without the experiment, for lists that have it in a heading. */
  readonly shortName: string;
  /** The values alone, "lenet5 0.05", for where there is little room. */
  readonly compactName: string;
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
  readonly varies: boolean;
  /** Undefined if the run does not have the setting. */
  readonly cellOf: (run: Run) => string | number | boolean | undefined;
}

export interface Configurations<Run> {
  /** In the order of the first run of each. */
  readonly all: readonly Configuration<Run>[];
  /** Of the settings that vary, in the order of their table. */
  readonly columns: readonly SettingColumn<Run>[];
  /** `columns`, and always model, data set, method and density: for files without a heading. */
  readonly fileColumns: readonly SettingColumn<Run>[];
  /** What none differs in, setting by setting. */
  readonly same: readonly SameSetting[];
  /** The settings that all runs share and that differ from their defaults; an empty text if there are none. */
  readonly shared: string;
  /** The same for the runs of one experiment. */
  readonly sharedOf: (experiment: string) => string;
  readonly of: (run: Run) => Configuration<Run>;
  readonly nameOf: (run: Run) => string;
  /** An empty text where seeds do not vary, or the run has none. */
  readonly seedOf: (run: Run) => string;
  /** Both: "lenet5 · rate 0.05 · seed 1". */
  readonly titleOf: (run: Run) => string;
  /** By the settings that vary, in the order of their table, then by the seed. */
  readonly order: (a: Run, b: Run) => number;
}

const UNKNOWN = "unknown";

interface Group<Run> {
  readonly facts: Facts;
  readonly isUnknown?: boolean;
  readonly runs: Run[];
}

export interface ConfigurationOptions {
  readonly over?: readonly string[];
  readonly by?: readonly string[];
  readonly among?: readonly ConfiguredRun[];
}

/** The runs, then others of `among`: entries and records of one run are different objects. */
function withOthers(runs: readonly ConfiguredRun[], among: readonly ConfiguredRun[]): ConfiguredRun[] {
  const keyOf = ({ experiment, id }: ConfiguredRun) => `${experiment}\n${id}`;
  const keys = new Set(runs.map(keyOf));
  return [...runs, ...among.filter((run) => !keys.has(keyOf(run)))];
}

/**
 * @param runs each but once
 * @param options `over`: names of settings that are of no account; `by`: of those alone that are; `among`: further runs that
 *   names and columns tell these apart from, such as failed ones of the same sweep; they are in no configuration
 */
export function configurationsOf<Run extends ConfiguredRun>(
  runs: readonly Run[],
  { over = [], by, among = [] }: ConfigurationOptions = {},
): Configurations<Run> {
  const own = new Set<ConfiguredRun>(runs);
  const compared = among.length === 0 ? runs : withOthers(runs, among);
  const isTaken =
    over.length === 0 && by === undefined
      ? undefined
      : (key: string) => !over.includes(key) && by?.includes(key) !== false;
  const groups = [...groupsOf<ConfiguredRun>(compared, isTaken).values()].flatMap(splitByData);
  const many = comparable(groups);
  const varying = varyingSettings(many);
  const all = named(groups, varying.has(EXPERIMENT)).map(
    (one): Configuration<Run> => ({ ...one, runs: one.runs.filter((run): run is Run => own.has(run)) }),
  );
  const places = new Map(groups.flatMap((group, k) => group.runs.map((run) => [run, k] as const)));
  const of = (run: Run) => all[places.get(run)!]!;
  const keysOfFirst = [...(many[0]?.keys() ?? [])];
  const columnOf = (key: string): SettingColumn<Run> => ({
    key,
    title: labelOf(key),
    isPercent: isPercent(key),
    varies: varying.has(key),
    cellOf: (run) => {
      const group = groups[places.get(run)!]!;
      if (group.isUnknown && key !== EXPERIMENT) return UNKNOWN;
      // an option at its default is none of the facts, and is a value for a reader
      return cellValue(key, group.facts.get(key), varying.get(key)) ?? defaultCell(key, run.config);
    },
  });
  const seeds = new Set(compared.map(({ config }) => config.seed));
  const seedOf = ({ config: { seed } }: Run) => (seeds.size > 1 && seed !== undefined ? `seed ${seed}` : "");
  const columns = [...varying.keys()].map(columnOf);
  return {
    all: all.filter((one) => one.runs.length > 0),
    columns,
    fileColumns: sorted([
      ...varying.keys(),
      ...keysOfFirst.filter((key) => isBare(key) && key !== EXPERIMENT),
    ]).map(columnOf),
    same: sameSettings(many, varying),
    shared: sharedText(many, varying),
    sharedOf: (experiment) => {
      const own = comparable(groups.filter(({ runs: [run] }) => run!.experiment === experiment));
      return sharedText(own, varyingSettings(own));
    },
    of,
    nameOf: (run) => of(run).name,
    seedOf,
    order: (a, b) => {
      for (const { cellOf } of columns) {
        const difference = byCell(cellOf(a), cellOf(b));
        if (difference !== 0) return difference;
      }
      return byCell(cellSeed(a), cellSeed(b));
    },
    titleOf: (run) => [of(run).name, seedOf(run)].filter(Boolean).join(" · "),
  };
}

/** The settings of each; in those that are unknown nothing is taken to differ from the first that is known. */
function comparable<Run>(groups: readonly Group<Run>[]): Facts[] {
  const first = groups.find(({ isUnknown }) => isUnknown !== true)?.facts ?? [];
  return groups.map(({ facts, isUnknown }) => (isUnknown ? new Map([...first, ...facts]) : facts));
}

/** Names are unique within an experiment; across experiments they contain its name. */
function named<Run extends ConfiguredRun>(
  groups: readonly Group<Run>[],
  withExperiment: boolean,
): Configuration<Run>[] {
  const names = new Map<Group<Run>, ConfigurationName>();
  for (const own of byExperiment(groups).values()) {
    const known = own.filter(({ isUnknown }) => isUnknown !== true);
    const facts = known.map((group) => group.facts);
    const ids = known.map(({ runs: [run] }) => run!.id);
    for (const [k, name] of namesOf(facts, varyingSettings(facts), ids).entries()) names.set(known[k]!, name);
    for (const group of own.filter(({ isUnknown }) => isUnknown)) {
      const { id } = group.runs[0]!;
      names.set(group, { whole: `${id} · settings ${UNKNOWN}`, compact: id });
    }
  }
  return groups.map((group) => {
    const { whole, compact } = names.get(group)!;
    const name = withExperiment ? `${group.runs[0]!.experiment}/${whole}` : whole;
    return { name, shortName: whole, compactName: compact, runs: group.runs };
  });
}

function byExperiment<Run extends ConfiguredRun>(groups: readonly Group<Run>[]): Map<string, Group<Run>[]> {
  const parts = new Map<string, Group<Run>[]>();
  for (const group of groups) {
    const { experiment } = group.runs[0]!;
    const part = parts.get(experiment);
    if (part) part.push(group);
    else parts.set(experiment, [group]);
  }
  return parts;
}

/** @param isTaken whether a setting is of account; unless given, all are */
function groupsOf<Run extends ConfiguredRun>(runs: readonly Run[], isTaken?: (key: string) => boolean) {
  const groups = new Map<string, Group<Run>>();
  for (const run of runs) {
    if (run.isConfigUnknown) {
      const facts = new Map([[EXPERIMENT, factOf(run.experiment)]]);
      groups.set(`${UNKNOWN} ${groups.size}`, { facts, isUnknown: true, runs: [run] });
      continue;
    }
    const configFacts = factsOf(run.config);
    const facts =
      isTaken === undefined
        ? configFacts.facts
        : new Map([...configFacts.facts].filter(([key]) => isTaken(key)));
    const identity = `${run.experiment}\n${isTaken === undefined ? configFacts.identity : identityOfAll(facts)}`;
    const group = groups.get(identity);
    if (group) group.runs.push(run);
    else
      groups.set(identity, { facts: new Map([[EXPERIMENT, factOf(run.experiment)], ...facts]), runs: [run] });
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
  if (!isPlain || isContent(key)) return texts?.get(identity);
  // models of files may be called alike
  return identity.startsWith('"sha256:') ? (texts?.get(identity) ?? value) : value;
}

function defaultCell(key: string, config: RunConfig): string | number | boolean | undefined {
  const dot = key.indexOf(".");
  const value = dot < 0 ? undefined : optionDefault(key.slice(0, dot), key.slice(dot + 1), config);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : undefined;
}

type CellValue = ReturnType<SettingColumn<never>["cellOf"]>;

const cellSeed = ({ config }: ConfiguredRun) => (typeof config.seed === "number" ? config.seed : undefined);

/** Numbers by size, others as texts; what a run does not have first. */
function byCell(a: CellValue, b: CellValue): number {
  if (a === undefined || b === undefined) return Number(b === undefined) - Number(a === undefined);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return `${a}` < `${b}` ? -1 : `${a}` > `${b}` ? 1 : 0;
}
