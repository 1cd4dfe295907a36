/** Every sanity check by its name. Adding one: a file in this folder and a line here. */
import { unknownName } from "../errors.ts";
import type { Check } from "./check.ts";
import { randomLayers } from "./randomLayers.ts";
import { reinitialise } from "./reinitialise.ts";
import { rescale } from "./rescale.ts";
import { shuffle } from "./shuffle.ts";
import { widen } from "./widen.ts";

/** Name → check, in the order in which help shows them. */
export const checks: ReadonlyMap<string, Check> = new Map(
  [shuffle, randomLayers, widen, reinitialise, rescale].map((check) => [check.name, check]),
);

/** @throws ArgumentError that lists the known checks, and the nearest one, for an unknown `name` */
export function checkByName(name: string): Check {
  const check = checks.get(name);
  if (check === undefined) throw unknownName("check", name, [...checks.keys()]);
  return check;
}
