/** All views, in the order of the head. Adding one: a file beside this one, and a line here. */

import type { View } from "../dashboardState.ts";
import { compare } from "./compare.ts";
import { layers } from "./layers.ts";
import { log } from "./log.ts";
import { output } from "./output.ts";
import { overview } from "./overview.ts";
import { pruning } from "./pruning.ts";
import { settings } from "./settings.ts";
import { sweep } from "./sweep.ts";
import { training } from "./training.ts";

const ALL = [overview, sweep, pruning, training, layers, compare, log, settings, output] as const;

export const VIEWS: readonly View[] = ALL;
export type ViewName = (typeof ALL)[number]["name"];
export const VIEW_NAMES: readonly ViewName[] = ALL.map(({ name }) => name);

export function viewNamed(name: ViewName): View {
  return ALL.find((view) => view.name === name)!;
}
