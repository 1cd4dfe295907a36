/** Checks of what counts units. */
import { ArgumentError } from "../errors.ts";

/** @throws ArgumentError naming the layer, unless it is a whole number of at least 1 */
export function requireUnitCount(node: string, what: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw new ArgumentError(`layer "${node}"`, {
    given: `${count} ${what}`,
    expected: "a whole number of at least 1",
  });
}
