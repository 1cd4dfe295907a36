/**
 * Ways of a walk between weights: the weighted operations that a unit reaches without a weight, found by following one
 * unit at a time through the graph. Walks only visit units that are connected to the input and to the output. Whether a
 * weight is 0 does not matter.
 * Walks do not take identity shortcuts: if a unit of a layer reaches unit t of an addition without weights, and also
 * enters a weighted operation that leads to unit t by another input of that addition, the way without weights is left
 * out.
 */
import {
  elementBehind,
  groupsOf,
  isWeightedOp,
  type OracleGraph,
  type OracleNode,
  type OracleOp,
  shapesOf,
  sizeOf,
} from "./graph.ts";

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

/** A unit of a value, and the feature of the followed unit that it holds. */
interface Followed {
  readonly unit: number;
  /** "" for the unit itself. */
  readonly feature: string;
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
    const node = this.graph.nodes[index]!;
    const inputShapes = node.inputs.map((input) => this.shapes[input]!);
    switch (node.op.kind) {
      case "flatten": {
        const plane = sizeOf(inputShapes[0]!) / inputShapes[0]![0]!;
        // flattening maps of one pixel changes nothing
        if (plane === 1) return [...units];
        return units.flatMap(({ unit, feature }) =>
          Array.from({ length: plane }, (_, k) => ({
            unit: unit * plane + k,
            feature: `${feature}/${k} of ${plane}`,
          })),
        );
      }
      case "concat": {
        const before = inputShapes.slice(0, slot).reduce((sum, shape) => sum + shape[0]!, 0);
        return units.map(({ unit, feature }) => ({ unit: before + unit, feature }));
      }
      case "select": {
        const { index: taken } = node.op;
        return units.flatMap(({ unit, feature }) =>
          taken.flatMap((from, to) => (from === unit ? [{ unit: to, feature }] : [])),
        );
      }
      case "learned":
        return [];
      case "multiply": {
        const [own, count] = [inputShapes[slot]![0]!, this.shapes[index]![0]!];
        // a single unit is read once for each unit that it multiplies
        return own === count
          ? [...units]
          : units.flatMap(({ feature }) => Array.from({ length: count }, (_, unit) => ({ unit, feature })));
      }
      case "rearrange": {
        const { op } = node;
        return units.flatMap(({ unit, feature }) => {
          const parts = this.#rearranged(op, inputShapes[0]!)[unit]!;
          const isWhole = new Set(parts.values()).size <= 1;
          return [...parts].map(([to, places]) => ({
            unit: to,
            feature: isWhole ? feature : `${feature}/${places}`,
          }));
        });
      }
      case "attention": {
        if (slot === 2) return [...units];
        const depth = inputShapes[slot]![0]! / node.op.heads;
        const valueDepth = inputShapes[2]![0]! / node.op.heads;
        // every unit of its head depends on it
        return units.flatMap(({ unit }) =>
          Array.from({ length: valueDepth }, (_, u) => ({
            unit: Math.floor(unit / depth) * valueDepth + u,
            feature: `mixed ${u} of ${valueDepth}`,
          })),
        );
      }
      case "opaque": {
        const [count] = node.op.shape as [number];
        if (node.op.carries && inputShapes[slot]![0] === count) return [...units];
        // every unit of the output depends on every input unit
        return Array.from({ length: count }, (_, unit) => ({ unit, feature: `mixed ${unit} of ${count}` }));
      }
      default:
        return [...units];
    }
  }

  /** Unit of the input → unit of the value → which of its positions are there, in words. */
  #rearranged(op: Extract<OracleOp, { kind: "rearrange" }>, input: readonly number[]): Map<number, string>[] {
    const [inPlane, outPlane] = [sizeOf(input.slice(1)), sizeOf(op.shape.slice(1))];
    const places = Array.from({ length: input[0]! }, () => new Map<number, number[]>());
    for (let element = 0; element < sizeOf(op.shape); element++) {
      const from = elementBehind(op, element);
      const ofUnit = places[Math.floor(from / inPlane)]!;
      const to = Math.floor(element / outPlane);
      ofUnit.set(to, [...(ofUnit.get(to) ?? []), from % inPlane]);
    }
    return places.map(
      (ofUnit) => new Map([...ofUnit].map(([to, own]) => [to, own.sort((a, b) => a - b).join()])),
    );
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
    const [first] = inputs as [number];
    switch (op.kind) {
      case "flatten":
        return this.#trace(first, Math.floor(unit / (sizeOf(this.shapes[first]!) / this.shapes[first]![0]!)));
      case "concat": {
        let slot = 0;
        let rest = unit;
        while (rest >= this.shapes[inputs[slot]!]![0]!) rest -= this.shapes[inputs[slot++]!]![0]!;
        return this.#trace(inputs[slot]!, rest);
      }
      case "select":
        return op.index[unit]! < 0 ? [] : this.#trace(first, op.index[unit]!);
      case "rearrange": {
        const parts = this.#rearranged(op, this.shapes[first]!);
        return [...parts.keys()]
          .filter((from) => parts[from]!.has(unit))
          .flatMap((from) => this.#trace(first, from));
      }
      case "attention": {
        const depth = this.shapes[first]![0]! / op.heads;
        const head = Math.floor(unit / (this.shapes[value]![0]! / op.heads));
        const own = Array.from({ length: depth }, (_, c) => head * depth + c);
        return [
          ...inputs.slice(0, 2).flatMap((input) => own.flatMap((c) => this.#trace(input, c))),
          ...this.#trace(inputs[2]!, unit),
        ];
      }
      case "opaque":
        return inputs.flatMap((input) => {
          const count = this.shapes[input]![0]!;
          if (op.carries && count === op.shape[0]) return this.#trace(input, unit);
          return Array.from({ length: count }, (_, u) => u).flatMap((u) => this.#trace(input, u));
        });
      case "learned":
        return [];
      case "multiply":
        return inputs.flatMap((input) => this.#trace(input, this.shapes[input]![0] === 1 ? 0 : unit));
      case "add":
        return inputs.flatMap((input, slot) =>
          this.#trace(input, unit).filter((source) => !this.#isShortcut(value, slot, unit, source)),
        );
      default:
        return this.#trace(first, unit);
    }
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
