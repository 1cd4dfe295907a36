/** Names of configurations in few columns, so that they stay different. */
import { type RunEntry, shortNames, textWidth } from "@phew/runs";
import type { Configuration } from "@phew/runs/configurations";

/** Sets of names that were shortened last: a screen has few, and asks for them with each row and frame. */
const known = new Map<string, readonly string[]>();
const KNOWN_COUNT = 16;

/**
 * The names as they are where all fit, else their values alone, else with words shortened.
 * @param width columns for each
 * @param isBelowExperiment the experiment stands above: it is no part of them
 */
export function shortTitles(
  all: readonly Configuration<RunEntry>[],
  width: number,
  isBelowExperiment = false,
): readonly string[] {
  const whole = all.map(({ name, shortName }) => (isBelowExperiment ? shortName : name));
  if (whole.every((name) => textWidth(name) <= width)) return whole;
  const compact = all.map(({ shortName, compactName }, k) => whole[k]!.replace(shortName, () => compactName));
  // values alone may be those of different settings
  const isDifferent = new Set(compact).size === new Set(whole).size;
  return remembered(isDifferent ? compact : whole, width);
}

function remembered(names: readonly string[], width: number): readonly string[] {
  const key = `${width}\n${names.join("\n")}`;
  const before = known.get(key);
  if (before) return before;
  const short = shortNames(names, width);
  known.set(key, short);
  if (known.size > KNOWN_COUNT) known.delete(known.keys().next().value!);
  return short;
}
