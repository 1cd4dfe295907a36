/**
 * Which units of every value are computed at all. Silent ones are not: they output 0, so nobody misses them, except
 * where something makes of 0 something else (sigmoid and its like) or the outside wants to see them (the output).
 */
import { type Masks, type Network, silentUnits, unitFlows } from "@phew/core";
import { handlingOf } from "./lowering/lowerings.ts";

/** Unit numbers that are computed, ascending; one array a node. */
export type StoredUnits = readonly Uint32Array[];

/** @param masks absent: all units are computed */
export function storedUnits(network: Network, masks: Masks | undefined): StoredUnits {
  if (masks === undefined)
    return network.nodes.map(({ shape }) => Uint32Array.from({ length: shape[0]! }, (_, u) => u));
  const silent = silentUnits(masks);
  const flows = unitFlows(network);
  const wanted = network.nodes.map(({ shape }, node) => {
    const all = node === network.output;
    return Uint8Array.from({ length: shape[0]! }, (_, u) => (all || silent[node]![u] === 0 ? 1 : 0));
  });
  for (let node = network.nodes.length - 1; node > 0; node--) {
    const flow = flows[node]!;
    if (flow.kind !== "maps") continue;
    const { absentUnits } = handlingOf(network.nodes[node]!.op);
    if (absentUnits === "zeros") continue;
    for (const { from, fromStart, count, toStart, spread } of flow.maps) {
      for (let i = 0; i < count; i++) {
        const carried = toStart + i * spread;
        if (!wanted[node]!.subarray(carried, carried + spread).includes(1)) continue;
        const present = absentUnits === "others" && flow.maps.some((map) => wanted[map.from]![carried] === 1);
        if (!present) wanted[from]![fromStart + i] = 1;
      }
    }
  }
  // what acts on one value acts on all that is stored of it
  for (const [node, flow] of flows.entries()) {
    if (flow.kind !== "maps" || handlingOf(network.nodes[node]!.op).absentUnits !== "needed") continue;
    for (const { from, fromStart, count, toStart, spread } of flow.maps) {
      for (let i = 0; i < count; i++)
        if (wanted[from]![fromStart + i] === 1)
          wanted[node]!.fill(1, toStart + i * spread, toStart + (i + 1) * spread);
    }
  }
  return wanted.map((units) => Uint32Array.from(units.keys()).filter((u) => units[u] === 1));
}
