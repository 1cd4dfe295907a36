/**
 * Leaves out units that no walk may pass: those from which no path leads to the output, such as a channel that a
 * selection drops, and those that no path from the input reaches. Their edges are left out of the plan too, so that
 * no transition probability counts them. A weight of 0 still counts as an edge. With `within`, only paths along these
 * weights count: every unit left has at least one of them in each direction.
 * A plan without such units is unchanged. Otherwise its layers shrink to the units left, with edge ids of their own;
 * a grouped layer whose groups lose different numbers of units becomes one layer per group.
 */
import { INPUT, type WalkLayer, type WalkLink, type WalkPlan } from "@phew/engine";
import { ArgumentError } from "../errors.ts";
import { counted } from "../quantity.ts";

/** Maps the edges of a plan to the edges of the whole network. */
export interface Rest {
  /** A sentence for each layer that loses units, and for the network's input and output. */
  readonly notes: readonly string[];
  /** Edges of the network; those of the plan are fewer. */
  readonly networkEdgeCount: number;
  /** In the order of the plan's layers. */
  readonly parts: readonly Part[];
}

/** What is left of a layer, or of one of its groups. */
interface Part {
  /** The whole layer, with the edges of the network. */
  readonly layer: WalkLayer;
  /** Units that are left, ascending. */
  readonly outs: readonly number[];
  readonly ins: readonly number[];
  readonly groups: number;
}

export interface NetworkWalkPlan extends WalkPlan {
  /** Present if units are left out. */
  readonly rest?: Rest;
}

/**
 * @param within one byte per weight, 1 if it may be kept; absent: all may be
 * @throws ArgumentError if no path leads from the input to the output
 */
export function withoutStrays(plan: WalkPlan, within?: Uint8Array): NetworkWalkPlan {
  const usable = usableUnits(plan, within);
  const whole = [...usable.ins, ...usable.outs].every((units) => !units.includes(0));
  if (whole) return plan;
  if (new Set(plan.layers.map(({ firstEdge }) => firstEdge)).size < plan.layers.length) {
    throw new ArgumentError("network", {
      given: "weights that layers share, and units on no path, which differ from layer to layer",
      expected: "shared weights of which every unit is on a path, to be walked",
      remedy: "Use a method that does not walk, such as synflow.",
    });
  }
  const parts = plan.layers.flatMap((layer, l) => partsOf(layer, usable.ins[l + 1]!, usable.outs[l + 1]!));
  const inputs = unitsLeft(usable.outs[0]!);
  const outputs = unitsLeft(usable.ins[plan.layers.length + 1]!);
  if (inputs.length === 0 || parts.length === 0) {
    throw new ArgumentError("network", {
      given: "no path of weights from the input to the output",
      expected: "at least one, to be walked",
      remedy: "Use a method that does not walk, such as magnitude.",
    });
  }
  let firstEdge = 0;
  const layers = parts.map((part): WalkLayer => {
    const layer = cutDown(part, firstEdge);
    firstEdge += layer.weight.length;
    return layer;
  });
  return {
    layers,
    links: linksBetween(plan, parts, inputs, outputs),
    inputCount: inputs.length,
    outputCount: outputs.length,
    edgeCount: firstEdge,
    // who removed weights knows that units are gone: no notes
    rest: { notes: within ? [] : notesOf(plan, usable), networkEdgeCount: plan.edgeCount, parts },
  };
}

/** Converts a mask of the plan's edges to one of the network's: left-out edges are removed. */
export function networkMask({ rest, layers, edgeCount }: NetworkWalkPlan, bytes: Uint8Array): Uint8Array {
  if (rest === undefined) return bytes;
  const mask = new Uint8Array(rest.networkEdgeCount);
  forEachRow({ rest, layers, edgeCount }, (own, network, length) => {
    mask.set(bytes.subarray(own, own + length), network);
  });
  return mask;
}

/** A mask of the network's edges converted to the plan's, and how many kept edges the plan leaves out. */
export interface PlanMask {
  readonly bytes: Uint8Array;
  readonly leftOutCount: number;
}

export function planMask(
  plan: Pick<NetworkWalkPlan, "rest" | "layers" | "edgeCount">,
  bytes: Uint8Array,
): PlanMask {
  if (plan.rest === undefined) return { bytes, leftOutCount: 0 };
  const mask = new Uint8Array(plan.edgeCount);
  forEachRow(plan, (own, network, length) => {
    mask.set(bytes.subarray(network, network + length), own);
  });
  const count = (of: Uint8Array) => of.reduce((sum, kept) => sum + (kept === 0 ? 0 : 1), 0);
  return { bytes: mask, leftOutCount: count(bytes) - count(mask) };
}

/** The network's edge of an edge of the plan. */
export function networkEdge({ rest, layers }: NetworkWalkPlan, edge: number): number {
  if (rest === undefined) return edge;
  const l = layers.findLastIndex(({ firstEdge }) => firstEdge <= edge);
  const { layer, outs, ins, groups } = rest.parts[l]!;
  const { kernelSize } = layer;
  const at = edge - layers[l]!.firstEdge;
  const rowLength = (ins.length / groups) * kernelSize;
  const row = Math.floor(at / rowLength);
  const group = Math.floor(row / (outs.length / groups));
  const i = ins[(group * ins.length) / groups + Math.floor((at % rowLength) / kernelSize)]!;
  return edgeOf(layer, outs[row]!, i) + (at % kernelSize);
}

/** Unit numbers in the network of one of the plan's layers. */
export function networkUnits({ rest, layers }: NetworkWalkPlan, l: number): readonly number[] | undefined {
  return rest === undefined || layers[l] === undefined ? undefined : rest.parts[l]!.outs;
}

/** The first edge of the kernel from input unit i to output unit o. */
function edgeOf(
  { outCount, inCount, groups, kernelSize, firstEdge }: WalkLayer,
  o: number,
  i: number,
): number {
  const inPerGroup = inCount / groups;
  const group = Math.floor(o / (outCount / groups));
  return firstEdge + (o * inPerGroup + (i - group * inPerGroup)) * kernelSize;
}

/** Calls `visit` for every run of edges that is contiguous in both plan and network: its starts, and its length. */
function forEachRow(
  { rest, layers }: Pick<NetworkWalkPlan, "rest" | "layers" | "edgeCount">,
  visit: (own: number, network: number, length: number) => void,
): void {
  for (const [l, part] of rest!.parts.entries()) {
    let own = layers[l]!.firstEdge;
    forEachRun(part, (first, length) => {
      visit(own, first, length);
      own += length;
    });
  }
}

/** Runs of neighbouring edges of the network, in the order of the part's own. */
function forEachRun(
  { layer, outs, ins, groups }: Part,
  visit: (firstEdge: number, length: number) => void,
): void {
  const [outsEach, insEach] = [outs.length / groups, ins.length / groups];
  for (const [row, o] of outs.entries()) {
    const first = Math.floor(row / outsEach) * insEach;
    for (let k = first; k < first + insEach; ) {
      const start = k;
      do k++;
      while (k < first + insEach && ins[k] === ins[k - 1]! + 1);
      visit(edgeOf(layer, o, ins[start]!), (k - start) * layer.kernelSize);
    }
  }
}

function cutDown(part: Part, firstEdge: number): WalkLayer {
  const { layer, outs, ins, groups } = part;
  const { name, kernelSize } = layer;
  const weight = new Float32Array(outs.length * (ins.length / groups) * kernelSize);
  let at = 0;
  forEachRun(part, (first, length) => {
    weight.set(layer.weight.subarray(first - layer.firstEdge, first - layer.firstEdge + length), at);
    at += length;
  });
  return { name, weight, outCount: outs.length, inCount: ins.length, groups, kernelSize, firstEdge };
}

function partsOf(layer: WalkLayer, ins: Uint8Array, outs: Uint8Array): Part[] {
  const { groups } = layer;
  const of = (units: Uint8Array, group: number) => {
    const each = units.length / groups;
    return unitsLeft(units).filter((unit) => Math.floor(unit / each) === group);
  };
  const byGroup = Array.from({ length: groups }, (_, group) => ({
    ins: of(ins, group),
    outs: of(outs, group),
  }));
  const left = byGroup.filter((group) => group.ins.length > 0 && group.outs.length > 0);
  const [first] = left;
  if (first === undefined) return [];
  const alike = left.every(
    (group) => group.ins.length === first.ins.length && group.outs.length === first.outs.length,
  );
  if (!alike) return left.map((group) => ({ layer, ...group, groups: 1 }));
  const all = { ins: left.flatMap((group) => group.ins), outs: left.flatMap((group) => group.outs) };
  return [{ layer, ...all, groups: left.length }];
}

/**
 * One byte per unit, 1 if it is left: `ins` of layer l at l + 1, of the output at the end; `outs` of the input at 0.
 */
interface Usable {
  readonly ins: readonly Uint8Array[];
  readonly outs: readonly Uint8Array[];
  /** Those that a path from the input reaches, whether or not one leads on to the output. */
  readonly entered: { readonly ins: readonly Uint8Array[]; readonly outs: readonly Uint8Array[] };
}

function usableUnits(plan: WalkPlan, within: Uint8Array | undefined): Usable {
  const cross = (layer: WalkLayer, marked: Uint8Array, across: Uint8Array, forward: boolean) =>
    within === undefined
      ? acrossWeights(layer, marked, across)
      : acrossSome(layer, within, marked, across, forward);
  const [on, entered] = [unitBytes(plan), unitBytes(plan)];
  const last = plan.layers.length;
  on.ins[last + 1]!.fill(1);
  entered.outs[0]!.fill(1);
  const leaving = byNode(plan, ({ from }) => from + 1);
  const entering = byNode(plan, ({ to }) => to + 1);
  for (let node = last; node >= 0; node--) {
    for (const link of leaving[node]!) carry(link, on.ins[link.to + 1]!, on.outs[node]!, false);
    if (node > 0) cross(plan.layers[node - 1]!, on.outs[node]!, on.ins[node]!, false);
  }
  for (let node = 1; node <= last + 1; node++) {
    for (const link of entering[node]!) carry(link, entered.ins[node]!, entered.outs[link.from + 1]!, true);
    if (node <= last) cross(plan.layers[node - 1]!, entered.ins[node]!, entered.outs[node]!, true);
  }
  const both = (a: readonly Uint8Array[], b: readonly Uint8Array[]) =>
    a.map((units, node) => units.map((u, k) => u & b[node]![k]!));
  return { ins: both(on.ins, entered.ins), outs: both(on.outs, entered.outs), entered };
}

function unitBytes({ layers, inputCount, outputCount }: WalkPlan) {
  return {
    ins: [
      new Uint8Array(0),
      ...layers.map(({ inCount }) => new Uint8Array(inCount)),
      new Uint8Array(outputCount),
    ],
    outs: [
      new Uint8Array(inputCount),
      ...layers.map(({ outCount }) => new Uint8Array(outCount)),
      new Uint8Array(0),
    ],
  };
}

function byNode({ links, layers }: WalkPlan, nodeOf: (link: WalkLink) => number): WalkLink[][] {
  const lists: WalkLink[][] = Array.from({ length: layers.length + 2 }, () => []);
  for (const link of links) lists[nodeOf(link)]!.push(link);
  return lists;
}

/** Marks the targets of a link (forward: `targets`), or its sources (`sources`). */
function carry(
  { fromStart, count, toStart, spread }: WalkLink,
  targets: Uint8Array,
  sources: Uint8Array,
  forward: boolean,
): void {
  for (let i = 0; i < count; i++) {
    const start = toStart + i * spread;
    if (forward) {
      if (sources[fromStart + i] === 1) targets.fill(1, start, start + spread);
    } else if (targets.subarray(start, start + spread).includes(1)) sources[fromStart + i] = 1;
  }
}

/** Within a group every unit has weights to every unit. */
function acrossWeights({ groups }: WalkLayer, marked: Uint8Array, across: Uint8Array): void {
  const [each, acrossEach] = [marked.length / groups, across.length / groups];
  for (let group = 0; group < groups; group++) {
    if (!marked.subarray(group * each, (group + 1) * each).includes(1)) continue;
    across.fill(1, group * acrossEach, (group + 1) * acrossEach);
  }
}

/** The same along some weights only. @param forward `marked` are input units, else output units */
function acrossSome(
  layer: WalkLayer,
  within: Uint8Array,
  marked: Uint8Array,
  across: Uint8Array,
  forward: boolean,
): void {
  const { outCount, inCount, groups, kernelSize } = layer;
  const inPerGroup = inCount / groups;
  for (let o = 0; o < outCount; o++) {
    const firstInput = Math.floor(o / (outCount / groups)) * inPerGroup;
    for (let i = firstInput; i < firstInput + inPerGroup; i++) {
      const [from, to] = forward ? [i, o] : [o, i];
      if (marked[from] === 0 || across[to] === 1) continue;
      const first = edgeOf(layer, o, i);
      if (within.subarray(first, first + kernelSize).includes(1)) across[to] = 1;
    }
  }
}

function unitsLeft(units: Uint8Array): number[] {
  return [...units.keys()].filter((unit) => units[unit] === 1);
}

/** Positions of a layer's units among the parts: index of the part, and of the unit in it. */
type Places = Map<number, readonly [part: number, unit: number]>;

function linksBetween(
  plan: WalkPlan,
  parts: readonly Part[],
  inputs: readonly number[],
  outputs: readonly number[],
): WalkLink[] {
  const placesOf = (layer: WalkLayer, units: (part: Part) => readonly number[]): Places =>
    new Map(
      parts.flatMap((part, p) =>
        part.layer === layer ? units(part).map((unit, k) => [unit, [p, k]] as const) : [],
      ),
    );
  const outPlaces = plan.layers.map((layer) => placesOf(layer, ({ outs }) => outs));
  const inPlaces = plan.layers.map((layer) => placesOf(layer, ({ ins }) => ins));
  const inputPlaces: Places = new Map(inputs.map((unit, k) => [unit, [INPUT, k]]));
  inPlaces.push(new Map(outputs.map((unit, k) => [unit, [parts.length, k]])));
  const links: WalkLink[] = [];
  const comesBy = linkCounts(plan);
  for (const { from, to, fromStart, count, toStart, spread, feature = 0 } of plan.links) {
    const sources = from === INPUT ? inputPlaces : outPlaces[from]!;
    for (let i = 0; i < count; i++) {
      const source = sources.get(fromStart + i);
      if (source === undefined) continue;
      const start = toStart + i * spread;
      const left = Array.from({ length: spread }, (_, k) => ({
        place: inPlaces[to]!.get(start + k),
        feature: feature + k,
      })).filter((target): target is Target => target.place !== undefined);
      // a unit with a single link has no copies: only the features left count
      const targets =
        comesBy(from, to, fromStart + i) > 1 ? left : left.map(({ place }, k) => ({ place, feature: k }));
      for (const run of runsOf(targets)) add(links, source, run);
    }
  }
  // the order of a plan: by target layer
  return links.sort((a, b) => a.to - b.to);
}

/** The number of links by which a unit of one node enters another. */
function linkCounts({ links }: WalkPlan): (from: number, to: number, unit: number) => number {
  const counts = new Map<string, number>();
  const keyOf = (from: number, to: number, unit: number) => `${from} ${to} ${unit}`;
  for (const { from, to, fromStart, count } of links) {
    for (let unit = fromStart; unit < fromStart + count; unit++) {
      const key = keyOf(from, to, unit);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return (from, to, unit) => counts.get(keyOf(from, to, unit))!;
}

/** A unit that a link leads to, and its feature of the source. */
interface Target {
  readonly place: readonly [part: number, unit: number];
  readonly feature: number;
}

interface Run {
  readonly part: number;
  readonly first: number;
  readonly length: number;
  readonly feature: number;
}

function runsOf(targets: readonly Target[]): Run[] {
  const runs: Run[] = [];
  for (const { place, feature } of targets) {
    const [part, unit] = place;
    const last = runs.at(-1);
    const goesOn =
      last?.part === part && last.first + last.length === unit && last.feature + last.length === feature;
    if (goesOn) runs[runs.length - 1] = { ...last, length: last.length + 1 };
    else runs.push({ part, first: unit, length: 1, feature });
  }
  return runs;
}

/** Adds the link of one unit, as part of the last link if it continues that. */
function add(
  links: WalkLink[],
  [from, unit]: readonly [number, number],
  { part, first, length, feature }: Run,
): void {
  const last = links.at(-1);
  const goesOn =
    last !== undefined &&
    last.from === from &&
    last.to === part &&
    last.spread === length &&
    (last.feature ?? 0) === feature &&
    last.fromStart + last.count === unit &&
    last.toStart + last.count * last.spread === first;
  if (goesOn) links[links.length - 1] = { ...last, count: last.count + 1 };
  else {
    const link = { from, to: part, fromStart: unit, count: 1, toStart: first, spread: length };
    links.push(feature > 0 ? { ...link, feature } : link);
  }
}

function notesOf(plan: WalkPlan, { ins, outs, entered }: Usable): string[] {
  const last = plan.layers.length + 1;
  const note = (where: string, units: readonly number[], why: string) =>
    units.length === 0 ? [] : [`${where}${listed(units)}: left out of the walks, ${why}`];
  const strays = (units: Uint8Array, wanted: (unit: number) => boolean) =>
    [...units.keys()].filter((unit) => units[unit] === 0 && wanted(unit));
  const noWayOn = "as no path leads on to the output";
  const noWayBack = "as no path leads there from the input";
  return [
    ...note(
      "the input, ",
      strays(outs[0]!, () => true),
      noWayOn,
    ),
    ...plan.layers.flatMap(({ name }, l) => [
      ...note(
        `layer "${name}", input `,
        strays(ins[l + 1]!, (i) => entered.ins[l + 1]![i] === 0),
        noWayBack,
      ),
      ...note(
        `layer "${name}", `,
        strays(outs[l + 1]!, (o) => entered.outs[l + 1]![o] === 1),
        noWayOn,
      ),
      ...note(
        `layer "${name}", `,
        strays(outs[l + 1]!, (o) => entered.outs[l + 1]![o] === 0),
        noWayBack,
      ),
    ]),
    ...note(
      "the output, ",
      strays(ins[last]!, () => true),
      noWayBack,
    ),
  ];
}

const SHOWN = 5;

/** "unit 3", "units 3, 5 to 7 and 12 more" */
function listed(units: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const unit of units) {
    const run = runs.at(-1);
    if (run !== undefined && run[1] === unit - 1) run[1] = unit;
    else runs.push([unit, unit]);
  }
  const shown = runs.slice(0, SHOWN);
  const shownCount = shown.reduce((sum, [a, b]) => sum + b - a + 1, 0);
  const texts = shown.map(([a, b]) => (a === b ? `${a}` : `${a} to ${b}`));
  const more = units.length > shownCount ? ` and ${counted(units.length - shownCount, "other")}` : "";
  return `${units.length === 1 ? "unit" : "units"} ${texts.join(", ")}${more}`;
}
