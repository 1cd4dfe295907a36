/** Sweep files that make runs again: what they share as settings, what they differ in as a list. */
import { canonicalJson, type RunConfig } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { shellQuote } from "@phew/runs/sweeps";
import { usualSettings } from "../settings/commandText.ts";
import type { TrainConfig } from "../settings/configuration.ts";
import { sweepShape } from "../settings/files.ts";

export interface AgainRun {
  readonly id: string;
  readonly experiment: string;
  readonly config: TrainConfig & RunConfig;
}

export interface SweepAgain {
  readonly command: string;
  /** The file's text. */
  readonly file: string;
}

/** Digests of files: phew finds them itself. */
const FOUND = "sourceDigests";

/** One for each experiment, and for each set of seeds that configurations of it have. */
export function sweepsAgain(runs: readonly AgainRun[]): SweepAgain[] {
  const groups = new Map<string, { experiment: string; seeds: number[]; settings: RunConfig[] }>();
  for (const { runs: own } of configurationsOf(runs).all) {
    const [{ experiment, config }] = own as [AgainRun];
    const seeds = own.map((run) => run.config.seed).sort((a, b) => a - b);
    const key = JSON.stringify([experiment, seeds]);
    const group = groups.get(key) ?? { experiment, seeds, settings: [] };
    group.settings.push(saidSettings(config));
    groups.set(key, group);
  }
  const all = [...groups.values()];
  return all.map((group, k) => {
    const name = `${group.experiment}${all.length > 1 ? `-${k + 1}` : ""}.json`;
    return { command: `phew sweep ${shellQuote(name)}`, file: sweepText(group) };
  });
}

/** The settings that differ from their defaults, in the order of the table of settings. */
function saidSettings(config: TrainConfig & RunConfig): RunConfig {
  const usual = usualSettings(config);
  return Object.fromEntries(
    Object.keys(sweepShape).flatMap((key) => {
      const value = config[key];
      const isSaid = value !== undefined && canonicalJson(value) !== canonicalJson(usual[key] ?? null);
      // these two are what a reader looks for
      return key !== FOUND && (isSaid || key === "model" || key === "dataset") ? [[key, value]] : [];
    }),
  );
}

function sweepText({
  experiment,
  seeds,
  settings,
}: {
  experiment: string;
  seeds: number[];
  settings: RunConfig[];
}) {
  const [first = {}] = settings;
  const isShared = ([key, value]: [string, unknown]) =>
    settings.every((each) => each[key] !== undefined && canonicalJson(each[key]) === canonicalJson(value));
  const shared = Object.fromEntries(Object.entries(first).filter(isShared));
  const list = settings.map((each) =>
    Object.fromEntries(Object.entries(each).filter(([key]) => !(key in shared))),
  );
  const counted = seeds.every((seed, k) => seed === k);
  const lines = list.map((each) => `    ${JSON.stringify(each)}`).join(",\n");
  return [
    "{",
    `  "experiment": ${JSON.stringify(experiment)},`,
    `  "settings": ${JSON.stringify(shared, undefined, 2).replaceAll("\n", "\n  ")},`,
    ...(list.length > 1 ? [`  "list": [\n${lines}\n  ],`] : []),
    `  "seeds": ${counted ? seeds.length : JSON.stringify(seeds)}`,
    "}",
    "",
  ].join("\n");
}
