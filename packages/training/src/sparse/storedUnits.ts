/**
 * Which units of every value are computed at all. Silent ones are not: they output 0, so nobody misses them, except
 * where something makes of 0 something else (sigmoid and its like) or the outside wants to see them (the output).
 */
import { type Masks, type Network, silentUnits, unitFlows } from "@phew/core";

/** Unit numbers that are computed, ascending; one array a node. */
export type StoredUnits = readonly Uint32Array[];

/** @param masks absent: all units are computed */
export function storedUnits(network: Network, masks: Masks | undefined): StoredUnits {
  if (masks === undefined) return network.nodes.map(({ shape }) => Uint32Array.from({ length: shape[0]! }, (_, u) => u));
  const silent = silentUnits(masks);
  const flows = unitFlows(network);
  const wanted = network.nodes.map(({ shape }, node) => {
    const all = node === network.output;
    return Uint8Array.from({ length: shape[0]! }, (_, u) => (all || silent[node]![u] === 0 ? 1 : 0));
  });
  for (let node = network.nodes.length - 1; node > 0; node--) {
    const flow = flows[node]!;
    if (flow.kind !== "maps") continue;
    for (const { from, fromStart, count, toStart, spread } of flow.maps) {
      for (let i = 0; i < count; i++) {
        const carried = toStart + i * spread;
        // a unit that is computed where its source is silent: the source must be there to compute it from
        if (wanted[node]!.subarray(carried, carried + spread).includes(1) && needsSource(network, node))
          wanted[from]![fromStart + i] = 1;
      }
    }
  }
  return wanted.map((units) => Uint32Array.from(units.keys()).filter((u) => units[u] === 1));
}

/** Sums and stacks do without a silent input; what acts on one value needs that value. */
function needsSource(network: Network, node: number): boolean {
  const { kind } = network.nodes[node]!.op;
  return kind !== "add" && kind !== "concat";
}
