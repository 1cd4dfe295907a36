/** Prints the assumptions about operations that cannot be computed beside the results that depend on them. */
import { assumptionsOf, type Network } from "@phew/core";

/** Most operations named; --json has all. */
const MOST_NAMED = 5;

/** One line for each kind of assumption; none where everything is known. */
export function assumptionLines(network: Network): string[] {
  const layers = new Map<string, string[]>();
  for (const { layer, operation, assumed } of assumptionsOf(network)) {
    const named = layers.get(assumed) ?? [];
    layers.set(assumed, [...named, `"${layer}" (${operation})`]);
  }
  return [...layers].map(([assumed, named]) => {
    const more = named.length > MOST_NAMED ? ` and ${named.length - MOST_NAMED} more` : "";
    const where = `${named.slice(0, MOST_NAMED).join(", ")}${more}`;
    return `assumption: at ${where} ${assumed}; walks, dead units, widths and sums over paths rest on it`;
  });
}
