/**
 * The runs that count in means and figures. Of runs of one configuration and one seed, such as copies of a folder, the first
 * finished one does, else the first; a run whose settings are unknown never does.
 */
import type { RunLife } from "../status.ts";
import type { Configuration, ConfiguredRun } from "./configurations.ts";

type SeededRun = ConfiguredRun & { readonly life?: RunLife };

/** @param runs of one configuration @returns those that count, in their order; runs without a seed all do */
export function oncePerSeed<Run extends SeededRun>(runs: readonly Run[]): Run[] {
  const counted = countedOf(runs);
  return runs.filter(
    (run) => !run.isConfigUnknown && (run.config.seed === undefined || counted.get(run.config.seed) === run),
  );
}

function countedOf<Run extends SeededRun>(runs: readonly Run[]): ReadonlyMap<unknown, Run> {
  const counted = new Map<unknown, Run>();
  for (const run of runs) {
    const before = counted.get(run.config.seed);
    const isBetter = before?.life !== "finished" && run.life === "finished";
    if (before === undefined || isBetter) counted.set(run.config.seed, run);
  }
  return counted;
}

/**
 * A sentence for each run that counts in no mean since another has its configuration and seed.
 * @param result what that means where it is said
 */
export function repeatWords<Run extends SeededRun & { readonly folder: string }>(
  configurations: readonly Configuration<Run>[],
  result = "in means that seed counts once",
): string[] {
  return configurations.flatMap(({ name, runs }) => {
    const once = new Set(oncePerSeed(runs));
    const counted = countedOf(runs);
    return runs
      .filter((run) => !run.isConfigUnknown && !once.has(run))
      .map(
        ({ folder, config: { seed } }) =>
          `${folder} has the configuration and the seed of ${counted.get(seed)!.folder} (${name} · seed ${seed}): ${result}`,
      );
  });
}
