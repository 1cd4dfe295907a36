/** Makes from a plan's links the choices at every unit: checks, levels, and runs of units with equal links. */
import { EngineError } from "./errors.ts";
import { INPUT, type WalkLayer, type WalkLink, type WalkPlan } from "./walkPlan.ts";

/** Units firstUnit … firstUnit + unitCount − 1 of a node, and the links that each of them can take. */
export interface Segment {
  readonly firstUnit: number;
  readonly unitCount: number;
  readonly links: readonly WalkLink[];
  /**
   * True if several links of a unit lead into one operation (forward), or come from one unit (backward): their shares
   * are then not equal. See forks.ts.
   */
  readonly repeated: boolean;
}

/** Nodes: 0 is the network's input, 1 + l is layer l, layers.length + 1 is the network's output. */
export interface Wiring {
  /** Segments of the units that leave a node forward: at index 0 … layers.length. */
  readonly forward: readonly (readonly Segment[])[];
  /** Segments of the units that leave a node backward: at index 1 … layers.length + 1; none at 0. */
  readonly backward: readonly (readonly Segment[])[];
  /** Level of each layer: number of layers on the longest path to it from the input. */
  readonly level: Uint32Array;
  /** Number of layers on the longest path through the network. */
  readonly levelCount: number;
  /** Whether some forward segment is `repeated`. */
  readonly copies: boolean;
  /** Whether every path has a layer at every level. */
  readonly everyLevel: boolean;
}

/** A walk has 16 bits of the counter: two slots per node. */
const MAX_LAYERS = 32_766;
const MAX_EDGES = 0xffff_fff0;

/** @throws EngineError naming the layer or link that does not fit, and a unit without a link on or back */
export function wire(plan: WalkPlan): Wiring {
  checkLayers(plan);
  for (const [index, link] of plan.links.entries()) checkLink(plan, link, index);
  const nodeCount = plan.layers.length + 2;
  const leaving: WalkLink[][] = Array.from({ length: nodeCount }, () => []);
  const entering: WalkLink[][] = Array.from({ length: nodeCount }, () => []);
  const operations = operationsOf(plan);
  for (const link of withCopiesApart(plan.links, operations)) {
    leaving[link.from + 1]!.push(link);
    entering[link.to + 1]!.push(link);
  }
  const forward = leaving.map((links, node) =>
    node === nodeCount - 1
      ? []
      : segmentsOf(
          outUnits(plan, node),
          links,
          (link) => [link.fromStart, link.count],
          ({ links }) => new Set(links.map(({ to }) => operations[to])).size < links.length,
        ),
  );
  const backward = entering.map((links, node) =>
    node === 0
      ? []
      : segmentsOf(
          inUnits(plan, node),
          links,
          (link) => [link.toStart, link.count * link.spread],
          comesTwice,
        ),
  );
  requireWays(plan, forward, "on");
  requireWays(plan, backward, "back");
  const copies = forward.some((segments) => segments.some(({ repeated }) => repeated));
  return { forward, backward, copies, ...levels(plan) };
}

/** Name of a node for error messages. */
function nodeName(plan: WalkPlan, node: number): string {
  if (node === 0) return "the network's input";
  return node <= plan.layers.length ? `layer "${plan.layers[node - 1]!.name}"` : "the network's output";
}

const outUnits = (plan: WalkPlan, node: number): number =>
  node === 0 ? plan.inputCount : plan.layers[node - 1]!.outCount;

const inUnits = (plan: WalkPlan, node: number): number =>
  node === plan.layers.length + 1 ? plan.outputCount : plan.layers[node - 1]!.inCount;

function requireCount(subject: string, what: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 0x7fff_ffff) {
    throw new EngineError(subject, {
      given: `${what} = ${value}`,
      expected: "a whole number from 1 to 2^31 − 1",
    });
  }
}

function checkLayers(plan: WalkPlan): void {
  requireCount("walk plan", "inputCount", plan.inputCount);
  requireCount("walk plan", "outputCount", plan.outputCount);
  if (plan.layers.length < 1 || plan.layers.length > MAX_LAYERS) {
    throw new EngineError("walk plan", {
      given: `${plan.layers.length} layers`,
      expected: `1 to ${MAX_LAYERS}`,
    });
  }
  if (!Number.isInteger(plan.edgeCount) || plan.edgeCount < 1 || plan.edgeCount > MAX_EDGES) {
    throw new EngineError("walk plan", {
      given: `edgeCount = ${plan.edgeCount}`,
      expected: `a whole number from 1 to ${MAX_EDGES}`,
    });
  }
  for (const layer of plan.layers) checkLayer(layer);
  let next = 0;
  let last: WalkLayer | undefined;
  for (const layer of [...plan.layers].sort((a, b) => a.firstEdge - b.firstEdge)) {
    // the same weights at another place
    if (last?.firstEdge === layer.firstEdge && last.weight === layer.weight) continue;
    last = layer;
    if (layer.firstEdge !== next) {
      throw new EngineError(`layer "${layer.name}"`, {
        given: `firstEdge = ${layer.firstEdge}`,
        expected: `${next}, so that the edge ids of all layers together are 0 … edgeCount − 1, each once`,
      });
    }
    next += layer.weight.length;
  }
  if (next !== plan.edgeCount) {
    throw new EngineError("walk plan", {
      given: `edgeCount = ${plan.edgeCount}`,
      expected: `${next}, the number of weights of all layers`,
    });
  }
}

function checkLayer(layer: WalkLayer): void {
  const subject = `layer "${layer.name}"`;
  requireCount(subject, "outCount", layer.outCount);
  requireCount(subject, "inCount", layer.inCount);
  requireCount(subject, "groups", layer.groups);
  requireCount(subject, "kernelSize", layer.kernelSize);
  if (layer.outCount % layer.groups !== 0 || layer.inCount % layer.groups !== 0) {
    throw new EngineError(subject, {
      given: `${layer.groups} groups of ${layer.inCount} input and ${layer.outCount} output units`,
      expected: "unit counts that are multiples of the number of groups",
    });
  }
  const expected = layer.outCount * (layer.inCount / layer.groups) * layer.kernelSize;
  if (layer.weight.length !== expected) {
    throw new EngineError(subject, {
      given: `${layer.weight.length} weights`,
      expected: `outCount × inCount / groups × kernelSize = ${layer.outCount} × ${layer.inCount / layer.groups} × ${layer.kernelSize} = ${expected}`,
    });
  }
}

function checkLink(plan: WalkPlan, link: WalkLink, index: number): void {
  const subject = `link ${index} (${link.from} → ${link.to})`;
  const layerCount = plan.layers.length;
  const { from, to, fromStart, toStart, count, spread, feature = 0 } = link;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < INPUT || to > layerCount || from >= to) {
    throw new EngineError(subject, {
      given: `from layer ${from} to layer ${to}`,
      expected: `a way to a later layer, from ${INPUT} (the input) up to ${layerCount} (the output)`,
    });
  }
  requireCount(subject, "count", count);
  requireCount(subject, "spread", spread);
  if (!Number.isSafeInteger(feature) || feature < 0) {
    throw new EngineError(subject, { given: `feature = ${feature}`, expected: "a whole number from 0" });
  }
  const out = outUnits(plan, from + 1);
  if (!Number.isInteger(fromStart) || fromStart < 0 || fromStart + count > out) {
    throw new EngineError(subject, {
      given: `units ${fromStart} … ${fromStart + count - 1}`,
      expected: `units of ${nodeName(plan, from + 1)}, which are 0 … ${out - 1}`,
    });
  }
  const into = inUnits(plan, to + 1);
  if (!Number.isInteger(toStart) || toStart < 0 || toStart + count * spread > into) {
    throw new EngineError(subject, {
      given: `a way into units ${toStart} … ${toStart + count * spread - 1}`,
      expected: `units of ${nodeName(plan, to + 1)}, which are 0 … ${into - 1}`,
    });
  }
}

function segmentsOf(
  unitCount: number,
  links: readonly WalkLink[],
  range: (link: WalkLink) => readonly [start: number, count: number],
  isRepeated: (segment: Omit<Segment, "repeated">) => boolean,
): Segment[] {
  const bounds = new Set([0, unitCount]);
  for (const link of links) {
    const [start, count] = range(link);
    bounds.add(start).add(start + count);
  }
  const sorted = [...bounds].sort((a, b) => a - b);
  const indexOf = new Map(sorted.map((bound, s) => [bound, s]));
  const segments = sorted.slice(0, -1).map((firstUnit, s) => {
    return { firstUnit, unitCount: sorted[s + 1]! - firstUnit, links: [] as WalkLink[] };
  });
  for (const link of links) {
    const [start, count] = range(link);
    for (let s = indexOf.get(start)!; s < indexOf.get(start + count)!; s++) segments[s]!.links.push(link);
  }
  return segments.map((segment) => ({ ...segment, repeated: isRepeated(segment) }));
}

/** The source unit of a link, for one of its target units. */
export function sourceUnit({ fromStart, toStart, spread }: WalkLink, unit: number): number {
  return fromStart + Math.floor((unit - toStart) / spread);
}

/** Whether two links of a segment of input units come from the same unit of the same node. */
function comesTwice({ firstUnit, unitCount, links }: Omit<Segment, "repeated">): boolean {
  const byNode = new Map<number, WalkLink[]>();
  for (const link of links) byNode.set(link.from, [...(byNode.get(link.from) ?? []), link]);
  return [...byNode.values()].some((alike) => {
    if (alike.length === 1) return false;
    const lastUnit = firstUnit + unitCount - 1;
    const constant = alike.every((link) => sourceUnit(link, firstUnit) === sourceUnit(link, lastUnit));
    for (let unit = firstUnit; unit <= (constant ? firstUnit : lastUnit); unit++)
      if (new Set(alike.map((link) => sourceUnit(link, unit))).size < alike.length) return true;
    return false;
  });
}

/** The operation of each layer: index of the first layer with its name; the output is one of its own. */
export function operationsOf({ layers }: Pick<WalkPlan, "layers">): readonly number[] {
  const first = new Map<string, number>();
  for (const [l, { name }] of layers.entries()) if (!first.has(name)) first.set(name, l);
  return [...layers.map(({ name }) => first.get(name)!), layers.length];
}

/**
 * The same links, split so that two links of one unit into one operation carry either the same single feature or none
 * in common.
 */
function withCopiesApart(links: readonly WalkLink[], operations: readonly number[]): readonly WalkLink[] {
  const groups = new Map<string, WalkLink[]>();
  for (const link of links) {
    const key = `${link.from} ${operations[link.to]}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [link]);
    else group.push(link);
  }
  const apart = new Set<WalkLink>();
  for (const group of groups.values())
    if (group.some(({ spread }) => spread > 1) && haveCopies(group))
      for (const link of group) apart.add(link);
  return apart.size === 0 ? links : links.flatMap((link) => (apart.has(link) ? featureLinks(link) : [link]));
}

/** Whether two links of one node into one operation carry the same feature of a unit. */
function haveCopies(links: readonly WalkLink[]): boolean {
  const byUnit = new Map<number, WalkLink[]>();
  for (const link of links) {
    for (let unit = link.fromStart; unit < link.fromStart + link.count; unit++) {
      const ofUnit = byUnit.get(unit);
      if (ofUnit === undefined) byUnit.set(unit, [link]);
      else ofUnit.push(link);
    }
  }
  return [...byUnit.values()].some((ofUnit) => {
    const ranges = ofUnit.map(({ feature = 0, spread }) => [feature, feature + spread] as const);
    ranges.sort(([a], [b]) => a - b);
    return ranges.some(([first], k) => k > 0 && first < ranges[k - 1]![1]);
  });
}

function featureLinks({ from, to, fromStart, count, toStart, spread, feature = 0 }: WalkLink): WalkLink[] {
  if (spread === 1) return [{ from, to, fromStart, count, toStart, spread, feature }];
  return Array.from({ length: count * spread }, (_, k) => ({
    from,
    to,
    fromStart: fromStart + Math.floor(k / spread),
    count: 1,
    toStart: toStart + k,
    spread: 1,
    feature: feature + (k % spread),
  }));
}

function requireWays(plan: WalkPlan, exits: readonly (readonly Segment[])[], which: "on" | "back"): void {
  for (const [node, segments] of exits.entries()) {
    const stuck = segments.find((segment) => segment.links.length === 0);
    if (stuck === undefined) continue;
    const ends = which === "on" ? node === 0 : node > plan.layers.length;
    const unit = ends ? "unit" : which === "on" ? "output unit" : "input unit";
    throw new EngineError(nodeName(plan, node), {
      given: `${unit} ${stuck.firstUnit} with no way ${which}`,
      expected: `a link that ${which === "on" ? "leaves" : "enters"} each of its units`,
    });
  }
}

/** Level of each layer; links go from lower to higher indices, so one pass over the layers suffices. */
function levels(plan: WalkPlan): Pick<Wiring, "level" | "levelCount" | "everyLevel"> {
  const layerCount = plan.layers.length;
  const level = new Uint32Array(layerCount + 1);
  const byTarget = [...plan.links].sort((a, b) => a.to - b.to);
  for (const { from, to } of byTarget) {
    if (from !== INPUT) level[to] = Math.max(level[to]!, level[from]! + 1);
  }
  const levelCount = level[layerCount]!;
  const everyLevel = plan.links.every(({ from, to }) =>
    from === INPUT ? level[to] === 0 && to !== layerCount : level[to] === level[from]! + 1,
  );
  return { level: level.subarray(0, layerCount), levelCount, everyLevel };
}
