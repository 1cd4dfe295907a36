/**
 * Which units of every value are computed and stored. Silent units are not, since they output 0, unless an operation
 * needs them (f(0) ≠ 0, as for sigmoid) or they are network outputs.
 */
import { type Masks, type Network, type Operation, silentUnits, type UnitFlow, unitFlows } from "@phew/core";
import type { Fixed } from "./fixed.ts";

/** Unit numbers that are computed, ascending; one array a node. */
export type StoredUnits = readonly Fixed<Uint32Array>[];

/**
 * What stands for units of an input that are not stored, since they are 0. `zeros`: the operation computes with zeros
 * in their place. `others`: the same unit of another input does. For any other operation nothing does: it needs them stored.
 */
const STANDS_FOR_ABSENT: Readonly<Partial<Record<Operation["kind"], "zeros" | "others">>> = {
  add: "others",
  concat: "zeros",
  multiply: "zeros",
};

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
  // units that are added behind one input of an operation may be missed of its others
  while (addRead(network, flows, wanted) + addCarried(network, flows, wanted) > 0);
  return wanted.map((units) => Uint32Array.from(units.keys()).filter((u) => units[u] === 1));
}

/** Adds the units that operations read and cannot replace. @returns how many units were added */
function addRead({ nodes }: Network, flows: readonly UnitFlow[], wanted: readonly Uint8Array[]): number {
  let count = 0;
  for (let node = nodes.length - 1; node > 0; node--) {
    const flow = flows[node]!;
    if (flow.kind !== "maps") continue;
    const standIn = STANDS_FOR_ABSENT[nodes[node]!.op.kind];
    if (standIn === "zeros") continue;
    for (const map of flow.maps) {
      const units = wanted[map.from]!;
      for (let i = 0; i < map.count; i++) {
        const carried = map.toStart + i * map.spread;
        if (units[map.fromStart + i] === 1) continue;
        if (!wanted[node]!.subarray(carried, carried + map.spread).includes(1)) continue;
        if (standIn === "others" && flow.maps.some(({ from }) => wanted[from]![carried] === 1)) continue;
        units[map.fromStart + i] = 1;
        count++;
      }
    }
  }
  return count;
}

/** What acts on one value acts on all that is stored of it. @returns how many units were added */
function addCarried({ nodes }: Network, flows: readonly UnitFlow[], wanted: readonly Uint8Array[]): number {
  let count = 0;
  for (const [node, flow] of flows.entries()) {
    if (flow.kind !== "maps" || STANDS_FOR_ABSENT[nodes[node]!.op.kind] !== undefined) continue;
    for (const { from, fromStart, count: units, toStart, spread } of flow.maps) {
      for (let i = 0; i < units; i++) {
        if (wanted[from]![fromStart + i] === 0) continue;
        const carried = wanted[node]!.subarray(toStart + i * spread, toStart + (i + 1) * spread);
        if (!carried.includes(0)) continue;
        carried.fill(1);
        count++;
      }
    }
  }
  return count;
}
