/** The configurations of the runs on the screen, and the titles that rows give to runs. */
import { type RunEntry, textWidth, unknownLines } from "@phew/runs";
import { type Configurations, configurationsOf } from "@phew/runs/configurations";
import type { DashboardState } from "./dashboardState.ts";
import { shortTitles } from "./shortTitles.ts";
import { fit, type StyledRow, truncate, wrap } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

type Runs = readonly RunEntry[];

const LEAST_EXPERIMENT = 3;
const BETWEEN = " · ";

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

/** What is made of a list of runs, made once. */
export function remembered<Made extends object>(
  known: WeakMap<Runs, Made>,
  runs: Runs,
  make: (runs: Runs) => Made,
): Made {
  const before = known.get(runs);
  if (before) return before;
  const made = make(runs);
  known.set(runs, made);
  return made;
}

/**
 * Name and seed in exactly `width` columns: "lenet5 · rate 0.05 · seed 1". If that is too long, "lenet5 0.05 s1"; if that
 * is too long too, words are shortened so that configurations stay different, and the seed stays.
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
  const configuration = configurations.of(run);
  const { name, shortName, compactName } = configuration;
  const seed = configurations.seedOf(run);
  const whole = [isBelowExperiment ? shortName : name, seed].filter(Boolean).join(" · ");
  if (textWidth(whole) <= width) return whole;
  const end = seed === "" ? "" : ` s${seed.replace("seed ", "")}`;
  const room = Math.max(1, width - textWidth(end));
  // the name of the experiment takes the columns that are left
  const left = room - textWidth(compactName) - 1;
  if (!isBelowExperiment && name !== shortName && left >= LEAST_EXPERIMENT)
    return `${truncate(run.experiment, left)}/${compactName}${end}`;
  const beside = configurations.all.filter(({ runs: [own] }) => own!.experiment === run.experiment);
  const among = isBelowExperiment ? beside : configurations.all;
  return `${shortTitles(among, room, isBelowExperiment)[among.indexOf(configuration)]!}${end}`;
}

/** The settings that all runs share, as one row if the panel has at least six. */
export function sharedRows(state: DashboardState, width: number, height: number): StyledRow[] {
  const { shared } = runConfigurations(state);
  return shared === "" || height < 6 ? [] : [[{ text: wholeParts(shared, width), colour: COLOURS.faint }]];
}

const MOST_WARNING_ROWS = 3;

/** The warning of runs whose settings are unknown, in at most three rows; none where there is no such run. */
export function unknownRows({ runs }: Pick<DashboardState, "runs">, width: number): StyledRow[] {
  return unknownLines(runs).flatMap((line) => {
    const lines = wrap(`warning: ${line}`, width);
    // the last one is cut where there are more: `phew runs list` has all of them
    const last = lines.slice(MOST_WARNING_ROWS - 1).join(" ");
    const shown = [...lines.slice(0, MOST_WARNING_ROWS - 1), ...(last === "" ? [] : [truncate(last, width)])];
    return shown.map((text) => [{ text, colour: COLOURS.warning }]);
  });
}

/** As many settings as have room, none of them cut. */
function wholeParts(shared: string, width: number): string {
  if (textWidth(shared) <= width) return shared;
  const parts = shared.split(BETWEEN);
  const end = `${BETWEEN}…`;
  while (parts.length > 1 && textWidth(parts.join(BETWEEN) + end) > width) parts.pop();
  return truncate(parts.join(BETWEEN) + end, width);
}
