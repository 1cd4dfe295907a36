/** Every pruning method by its name. Adding one: a file in this folder and a line here. */
import { unknownName } from "../errors.ts";
import { erk } from "./erk.ts";
import { grasp } from "./grasp.ts";
import { magnitude } from "./magnitude.ts";
import { phew } from "./phew.ts";
import type { Pruner } from "./pruner.ts";
import { random } from "./random.ts";
import { snip } from "./snip.ts";
import { synflow } from "./synflow.ts";
import { synflowL2 } from "./synflowL2.ts";
import { uniform } from "./uniform.ts";
import { uniformWalk } from "./uniformWalk.ts";

const registered: readonly Pruner[] = [
  phew,
  uniformWalk,
  magnitude,
  random,
  uniform,
  erk,
  snip,
  grasp,
  synflow,
  synflowL2,
];

/** Name → method, in the order in which help, tables and legends show them. */
export const pruners: ReadonlyMap<string, Pruner> = new Map(
  registered.map((pruner) => [pruner.name, pruner]),
);

/** @throws ArgumentError that lists the known methods, and the nearest one, for an unknown `name` */
export function prunerByName(name: string): Pruner {
  const pruner = pruners.get(name);
  if (pruner === undefined) throw unknownName("method", name, [...pruners.keys()]);
  return pruner;
}
