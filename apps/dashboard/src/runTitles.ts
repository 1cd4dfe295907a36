/** The configurations of the runs on the screen, and the titles that rows give to runs. */
import { type RunEntry, textWidth } from "@phew/runs";
import { type Configurations, configurationsOf } from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { fit, type StyledRow, truncate } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

type Runs = readonly RunEntry[];

const LEAST_EXPERIMENT = 3;

/** Configurations of each list of runs, computed once: the list is the same array until a run changes. */
const whole = new WeakMap<Runs, Configurations<RunEntry>>();
const lines = new WeakMap<Runs, Configurations<RunEntry>>();

export function runConfigurations({ runs }: Pick<DashboardState, "runs">): Configurations<RunEntry> {
  return remembered(whole, runs, configurationsOf);
}

/** Configurations that leave the density out: each is one line of a plot over the density. */
export function linesOverDensity({ runs }: Pick<DashboardState, "runs">): Configurations<RunEntry> {
  return remembered(lines, runs, (all) => configurationsOf(all, { over: ["density"] }));
}

function remembered(
  known: WeakMap<Runs, Configurations<RunEntry>>,
  runs: Runs,
  make: (runs: Runs) => Configurations<RunEntry>,
): Configurations<RunEntry> {
  const before = known.get(runs);
  if (before) return before;
  const made = make(runs);
  known.set(runs, made);
  return made;
}

/**
 * Name and seed in exactly `width` columns: "lenet5 · rate 0.05 · seed 1". If that is too long, "lenet5 0.05 s1"; if that
 * is too long too, the name is cut and the seed stays.
 * @param isBelowExperiment its experiment stands above
 */
export function fitTitle(
  state: DashboardState,
  run: RunEntry,
  width: number,
  isBelowExperiment = false,
): string {
  return fit(cutTitle(state, run, width, isBelowExperiment), width);
}

/** The same in at most `width` columns. */
export function cutTitle(
  state: DashboardState,
  run: RunEntry,
  width: number,
  isBelowExperiment = false,
): string {
  const configurations = runConfigurations(state);
  const { name, shortName, compactName } = configurations.of(run);
  const seed = configurations.seedOf(run);
  const whole = [isBelowExperiment ? shortName : name, seed].filter(Boolean).join(" · ");
  if (textWidth(whole) <= width) return whole;
  const rest = seed === "" ? compactName : `${compactName} s${seed.replace("seed ", "")}`;
  // the name of the experiment takes the columns that are left
  const isNamed = !isBelowExperiment && name !== shortName;
  const room = width - textWidth(rest) - 1;
  if (isNamed && room >= LEAST_EXPERIMENT) return `${truncate(run.experiment, room)}/${rest}`;
  if (seed === "") return truncate(rest, width);
  const end = rest.slice(compactName.length);
  return `${truncate(compactName, Math.max(0, width - textWidth(end)))}${end}`;
}

/** The settings that all runs share, as one row if the panel has at least six. */
export function sharedRows(state: DashboardState, width: number, height: number): StyledRow[] {
  const { shared } = runConfigurations(state);
  return shared === "" || height < 6 ? [] : [[{ text: truncate(shared, width), colour: COLOURS.faint }]];
}
