/**
 * Layer-wise shuffle over a chosen number of units: the experiment that separates width from layer density.
 *   width_l = w_l + round(fraction · (N_l − w_l)),   w_l output units that a kept weight enters, N_l all;
 *   fraction 0 shuffles within the mask's own units, 1 over all. A greater fraction includes the units of a smaller
 *   one.
 * Departures from the published code (SynFlow_Width), which draws over the first units by index and over all inputs,
 * so that kept weights may leave units that nothing enters. Here the mask's own units come first, then random ones.
 * Weights leave only units that a path from the input reaches. Each chosen unit, and each reached input unit, gets a
 * weight while weights last, so that the requested width is reached and few weights are ineffective.
 * If the weights do not fit between these units, more units take part; if there are fewer weights than units, as many
 * units as weights.
 * @see Patil & Dovrolis 2021, arXiv:2010.11354, section on width
 */
import { Random } from "@phew/engine";
import { carryReach } from "../analysis/effective.ts";
import { countKept, Masks } from "../masks/masks.ts";
import { deadUnits } from "../masks/silentUnits.ts";
import { unitCounts, unitFlows, type WeightFlow } from "../network/unitFlow.ts";
import { CHECK_STREAM, type Check } from "./check.ts";

export const widen: Check = {
  name: "widen",
  summary: "shuffle each layer over more units than it has: width grows, layer densities stay",
  source: "Patil & Dovrolis 2021, arXiv:2010.11354, width experiment",
  options: {
    fraction: {
      kind: "number",
      least: 0,
      most: 1,
      whole: false,
      initial: 1,
      help: "fraction of the units without incoming weights that get some",
    },
  },
  async apply({ masks, seed, options }) {
    const { network } = masks;
    const widened = new Masks(network);
    const reached = unitCounts(network).map((count) => new Uint8Array(count));
    reached[0]!.fill(1);
    for (const [index, flow] of unitFlows(network).entries()) {
      if (flow.kind === "maps") carryReach(flow, reached, reached[index]!);
      if (flow.kind !== "weights") continue;
      const { parameter } = flow;
      const random = new Random(seed, CHECK_STREAM + network.prunable.indexOf(parameter));
      const kept = masks.of(parameter);
      const units = widenedUnits(flow, kept, reached[flow.from]!, Number(options.fraction), random);
      fill(widened.of(parameter), flow, countKept(kept), units, reached[flow.from]!, random);
      for (const [o, dead] of deadUnits(widened.of(parameter), flow.outCount).entries()) {
        reached[index]![o] = 1 - dead;
      }
    }
    return { masks: widened };
  },
};

/** Output units that take part, in the order in which they get weights: the mask's own first. */
function widenedUnits(
  flow: WeightFlow,
  kept: Uint8Array,
  sources: Uint8Array,
  fraction: number,
  random: Random,
): number[] {
  const dead = deadUnits(kept, flow.outCount);
  const capacity = reachedInputs(flow, sources).map((inputs) => inputs.length * flow.kernelSize);
  // drawn first, so that a greater fraction includes the units of a smaller one
  const order = Array.from({ length: flow.outCount }, (_, o) => o);
  random.shuffleInto(order);
  const fed = order.filter((o) => capacity[groupOf(flow, o)]! > 0);
  const own = fed.filter((o) => dead[o] === 0);
  const others = fed.filter((o) => dead[o] === 1);
  const deadCount = dead.reduce((sum, d) => sum + d, 0);
  const target = flow.outCount - deadCount + Math.round(fraction * deadCount);
  const keptCount = countKept(kept);
  const units: number[] = [];
  let room = 0;
  for (const o of [...own, ...others]) {
    if (units.length >= Math.min(target, keptCount) && room >= keptCount) break;
    units.push(o);
    room += capacity[groupOf(flow, o)]!;
  }
  return units.slice(0, Math.max(keptCount, 0));
}

/** Keeps `keptCount` weights: one for each unit and each reached input while weights last, the rest at random. */
function fill(
  mask: Uint8Array,
  flow: WeightFlow,
  keptCount: number,
  units: readonly number[],
  sources: Uint8Array,
  random: Random,
): void {
  let left = keptCount;
  const keep = (k: number) => {
    if (left === 0 || mask[k] === 1) return;
    mask[k] = 1;
    left--;
  };
  const rowLength = mask.length / flow.outCount;
  const inputs = reachedInputs(flow, sources);
  for (const list of inputs) random.shuffleInto(list);
  const unitsOf = inputs.map((_, g) => units.filter((o) => groupOf(flow, o) === g));
  const place = (o: number, i: number) => o * rowLength + i * flow.kernelSize + random.below(flow.kernelSize);
  const covered = inputs.map(() => 0);
  for (const o of units) {
    const g = groupOf(flow, o);
    keep(place(o, inputs[g]![covered[g]!++ % inputs[g]!.length]!));
  }
  for (const [g, list] of inputs.entries()) {
    const own = unitsOf[g]!;
    if (own.length === 0) continue;
    for (let k = covered[g]!; k < list.length; k++) keep(place(own[k % own.length]!, list[k]!));
  }
  if (left === 0) return;
  const open: number[] = [];
  const add = (from: (o: number) => readonly number[], outputs: readonly number[]) => {
    for (const o of outputs) {
      for (const i of from(o)) {
        const first = o * rowLength + i * flow.kernelSize;
        for (let k = first; k < first + flow.kernelSize; k++) if (mask[k] === 0) open.push(k);
      }
    }
  };
  add((o) => inputs[groupOf(flow, o)]!, units);
  if (open.length < left) {
    // all of them cannot hold the weights: an unreached input keeps some, as it did in the given mask
    open.length = 0;
    for (let k = 0; k < mask.length; k++) if (mask[k] === 0) open.push(k);
  }
  for (let k = 0; left > 0; k++) {
    const drawn = k + random.below(open.length - k);
    [open[k], open[drawn]] = [open[drawn]!, open[k]!];
    keep(open[k]!);
  }
}

/** For each group, its reached input units, as positions in the group. */
function reachedInputs(flow: WeightFlow, sources: Uint8Array): number[][] {
  const inPerGroup = flow.inCount / flow.groups;
  return Array.from({ length: flow.groups }, (_, g) =>
    Array.from({ length: inPerGroup }, (_, i) => i).filter((i) => sources[g * inPerGroup + i] === 1),
  );
}

const groupOf = ({ outCount, groups }: WeightFlow, o: number) => Math.floor(o / (outCount / groups));
