/** Which state of the program measured the rows of a table, and with which seeds. */
import { counted, type RunEnvironment } from "@phew/runs";
import type { Experiment, Measured, Scale } from "./experiment.ts";
import { allDatasets } from "./readMeasured.ts";

const SHORT = 10;

/** The commits of these environments, separated by spaces; with a `+` where the program had changes besides. */
export function commitsOf(environments: readonly RunEnvironment[]): string | undefined {
  const all = environments.flatMap(({ commit, modified }) =>
    commit === undefined ? [] : [`${commit.slice(0, SHORT)}${modified ? "+" : ""}`],
  );
  return all.length === 0 ? undefined : [...new Set(all)].join(" ");
}

/** "seeds 0 to 9; commits 024ef68aab, 8c1b…": of all rows of an experiment at a scale. */
export function sourceOf(experiment: Experiment, scale: Scale, measured: Measured): string {
  const { masks = [], runs = [] } = experiment.plan(scale, allDatasets());
  const following = experiment.following?.(measured, scale, allDatasets()) ?? [];
  const rows = [
    ...masks.flatMap(({ name }) => measured.masks(name)),
    ...[...runs, ...following].flatMap(({ name }) => measured.runs(name)),
  ];
  if (rows.length === 0) return "no seeds";
  const seeds = rows.map(({ seed }) => seed);
  const last = seeds.reduce((a, b) => Math.max(a, b));
  const commits = [...new Set(rows.flatMap(({ commit }) => commit?.split(" ") ?? []))].filter(Boolean).sort();
  const unnamed = rows.filter(({ commit }) => !commit).length;
  return [
    last === 0 ? "seed 0" : `seeds 0 to ${last}`,
    ...(commits.length > 0 ? [`${commits.length === 1 ? "commit" : "commits"} ${commits.join(", ")}`] : []),
    ...(unnamed > 0
      ? [`${unnamed} of ${counted(rows.length, "row")} ${unnamed === 1 ? "names" : "name"} no commit`]
      : []),
  ].join("; ");
}
