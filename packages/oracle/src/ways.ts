/**
 * Ways of a walk between weights: the weighted operations that a unit reaches without a weight, found by following one
 * unit at a time through the graph. Walks only visit units that are connected to the input and to the output. Whether a
 * weight is 0 does not matter.
 * Walks do not take identity shortcuts: if a unit of a layer reaches unit t of an addition without weights, and also
 * enters a weighted operation that leads to unit t by another input of that addition, the way without weights is left
 * out.
 */
import { groupsOf, isWeightedOp, type OracleGraph, type OracleNode, shapesOf } from "./graph.ts";
import type { Followed, Shapes } from "./operations/operation.ts";
import { operationOf } from "./operations/registry.ts";

/** The network's output, in place of a node index. */
export const OUTPUT = -1;

/**
 * A weighted operation (its node) or OUTPUT, and the features of the unit that it reads, each as the list of input units
 * that are copies of it.
 */
export interface WayOn {
  readonly to: number;
  readonly features: readonly (readonly number[])[];
}

interface Arrival extends Followed {
  readonly to: number;
}

/** An output unit of a weighted operation, or a unit of the network's input. */
export interface WayBack {
  readonly from: number;
  readonly unit: number;
}

export function isWeighted(node: OracleNode): boolean {
  return isWeightedOp(node.op);
}

/** The ways of one graph, both directions. */
export class Ways {
  readonly graph: OracleGraph;
  readonly shapes: readonly (readonly number[])[];
  /** Results of earlier traces back, by value and unit. */
  readonly #traced = new Map<string, WayBack[]>();
  readonly #entered = new Map<string, Set<number>>();
  readonly #reached = new Map<number, Set<number>>();
  readonly #leadsOn = new Map<string, boolean>();
  readonly #isEntered = new Map<string, boolean>();

  constructor(graph: OracleGraph) {
    this.graph = graph;
    this.shapes = shapesOf(graph);
  }

  /** The ways that leave unit `unit` of the value of `node`: each weighted operation or output that it reaches. */
  on(node: number, unit: number): WayOn[] {
    const operations = new Map<number, Map<string, number[]>>();
    for (const { to, unit: t, feature } of this.#anyOn(node, unit)) {
      if (to !== OUTPUT && !this.#outputsOf(to, t).some((o) => this.leadsOn(to, o))) continue;
      const features = operations.get(to) ?? new Map<string, number[]>();
      operations.set(to, features);
      features.set(feature, [...(features.get(feature) ?? []), t]);
    }
    return [...operations].map(([to, features]) => ({ to, features: [...features.values()] }));
  }

  /** The ways that enter input unit `unit` of the weighted operation `node`, or of the output for OUTPUT. */
  back(node: number, unit: number): WayBack[] {
    return this.#anyBack(node, unit).filter((way) => this.isEntered(way.from, way.unit));
  }

  /** Whether a way leads from output unit `unit` of `node`, or from that unit of the input, to the network's output. */
  leadsOn(node: number, unit: number): boolean {
    const key = `${node}:${unit}`;
    const known = this.#leadsOn.get(key);
    if (known !== undefined) return known;
    const leads = this.#anyOn(node, unit).some(
      ({ to, unit: t }) => to === OUTPUT || this.#outputsOf(to, t).some((o) => this.leadsOn(to, o)),
    );
    this.#leadsOn.set(key, leads);
    return leads;
  }

  /** Whether a way leads from the network's input to output unit `unit` of `node`. */
  isEntered(node: number, unit: number): boolean {
    if (!isWeighted(this.graph.nodes[node]!)) return true;
    const key = `${node}:${unit}`;
    const known = this.#isEntered.get(key);
    if (known !== undefined) return known;
    const entered = this.#inputsOf(node, unit).some((i) =>
      this.#anyBack(node, i).some((way) => this.isEntered(way.from, way.unit)),
    );
    this.#isEntered.set(key, entered);
    return entered;
  }

  #anyOn(node: number, unit: number): Arrival[] {
    const found: Arrival[] = [];
    this.#follow(node, [{ unit, feature: "" }], found, (add, slot, t) =>
      this.#isShortcut(add, slot, t, { from: node, unit }),
    );
    return distinct(found, ({ to, unit: t, feature }) => `${to}:${t}:${feature}`);
  }

  #anyBack(node: number, unit: number): WayBack[] {
    const value = node === OUTPUT ? this.graph.output : this.graph.nodes[node]!.inputs[0]!;
    return distinct(this.#trace(value, unit), (way) => `${way.from}:${way.unit}`);
  }

  /** The output units to which the weighted operation `node` has weights from input unit i. */
  #outputsOf(node: number, i: number): number[] {
    return [...Array(this.shapes[node]![0]!).keys()].filter((o) => this.#inputsOf(node, o).includes(i));
  }

  /** The input units from which it has weights to output unit o. */
  #inputsOf(node: number, o: number): number[] {
    const { op, inputs } = this.graph.nodes[node]!;
    const groups = isWeightedOp(op) ? groupsOf(op) : 1;
    const inPerGroup = this.shapes[inputs[0]!]![0]! / groups;
    const group = Math.floor(o / (this.shapes[node]![0]! / groups));
    return Array.from({ length: inPerGroup }, (_, k) => group * inPerGroup + k);
  }

  #follow(
    value: number,
    units: readonly Followed[],
    found: Arrival[],
    barred: (add: number, slot: number, t: number) => boolean,
  ): void {
    if (units.length === 0) return;
    if (value === this.graph.output) found.push(...units.map((at) => ({ to: OUTPUT, ...at })));
    for (const [index, node] of this.graph.nodes.entries()) {
      for (const [slot, input] of node.inputs.entries()) {
        if (input !== value) continue;
        if (isWeighted(node)) found.push(...units.map((at) => ({ to: index, ...at })));
        else if (node.op.kind === "add") {
          const free = units.filter(({ unit }) => !barred(index, slot, unit));
          this.#follow(index, free, found, barred);
        } else this.#follow(index, this.#carried(index, slot, units), found, barred);
      }
    }
  }

  /** The units of the value that units of input `slot` become at an operation without weights. */
  #carried(index: number, slot: number, units: readonly Followed[]): Followed[] {
    const { op } = this.graph.nodes[index]!;
    return operationOf(op).units?.on(op, units, { ...this.#shapesAt(index), slot }) ?? [...units];
  }

  #shapesAt(index: number): Shapes {
    const { inputs } = this.graph.nodes[index]!;
    return { shape: this.shapes[index]!, inputShapes: inputs.map((input) => this.shapes[input]!) };
  }

  #trace(value: number, unit: number): WayBack[] {
    const key = `${value}:${unit}`;
    const known = this.#traced.get(key);
    if (known !== undefined) return known;
    const found = this.#traceOnce(value, unit);
    this.#traced.set(key, found);
    return found;
  }

  #traceOnce(value: number, unit: number): WayBack[] {
    const node = this.graph.nodes[value]!;
    const { op, inputs } = node;
    if (isWeighted(node) || op.kind === "input") return [{ from: value, unit }];
    const from = operationOf(op).units?.back(op, unit, this.#shapesAt(value)) ?? [[0, unit]];
    return from.flatMap(([slot, own]) => {
      const sources = this.#trace(inputs[slot]!, own);
      if (op.kind !== "add") return sources;
      return sources.filter((source) => !this.#isShortcut(value, slot, unit, source));
    });
  }

  /** Whether `source`, which reaches unit t of the addition by `slot`, also reaches it through weights. */
  #isShortcut(add: number, slot: number, t: number, source: WayBack): boolean {
    const entered = this.#enteredFrom(source);
    const { inputs } = this.graph.nodes[add]!;
    return inputs
      .filter((input) => input !== inputs[slot])
      .flatMap((input) => this.#trace(input, t))
      .some(({ from }) => [...entered].some((to) => this.#reachedFrom(to).has(from)));
  }

  /** The weighted operation `node` and all that follow it through weights. */
  #reachedFrom(node: number): Set<number> {
    const known = this.#reached.get(node);
    if (known !== undefined) return known;
    const reached = new Set([node]);
    for (let unit = 0; unit < this.shapes[node]![0]!; unit++) {
      for (const next of this.#enteredFrom({ from: node, unit }))
        for (const further of this.#reachedFrom(next)) reached.add(further);
    }
    this.#reached.set(node, reached);
    return reached;
  }

  /** The weighted operations that a unit reaches without weights, identity shortcuts included. */
  #enteredFrom({ from, unit }: WayBack): Set<number> {
    const key = `${from}:${unit}`;
    const known = this.#entered.get(key);
    if (known !== undefined) return known;
    const anywhere: Arrival[] = [];
    this.#follow(from, [{ unit, feature: "" }], anywhere, () => false);
    const entered = new Set(anywhere.map((way) => way.to).filter((to) => to !== OUTPUT));
    this.#entered.set(key, entered);
    return entered;
  }
}

function distinct<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}
