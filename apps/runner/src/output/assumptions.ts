/** Prints the assumptions about operations that cannot be computed beside the results that depend on them. */
import { assumptionsOf, type Network } from "@phew/core";

/** Most operations named; --json has all. */
const TOLD = 5;

/** One line for each kind of assumption; none where everything is known. */
export function assumptionLines(network: Network): string[] {
  const layers = new Map<string, string[]>();
  for (const { layer, operation, assumed } of assumptionsOf(network)) {
    const named = layers.get(assumed) ?? [];
    layers.set(assumed, [...named, `"${layer}" (${operation})`]);
  }
  return [...layers].map(([assumed, named]) => {
    const more = named.length > TOLD ? ` and ${named.length - TOLD} more` : "";
    const where = `${named.slice(0, TOLD).join(", ")}${more}`;
    return `assumption: at ${where} ${assumed}; walks, dead units, widths and sums over paths rest on it`;
  });
}
