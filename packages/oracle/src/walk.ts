/**
 * PHEW by linear scan (Patil & Dovrolis 2021, arXiv:2010.11354): at every unit all weights that leave it (forward) or
 * enter it (backward) are listed with their probabilities, and one is drawn.
 */
import { groupsOf, isWeightedOp, tapCount } from "./graph.ts";
import type { Parameters } from "./numbers.ts";
import { draw } from "./random.ts";
import { isWeighted, OUTPUT, type Ways } from "./ways.ts";

export interface WalkRules {
  /** The probability of a weight is proportional to |θ|, θ², 1, or 1 / (|θ| + 1e-5). */
  readonly bias: "magnitude" | "square" | "uniform" | "inverse";
  /** A step keeps the weight, or the whole kernel that contains it. */
  readonly granularity: "weight" | "kernel";
  readonly direction: "alternate" | "forward" | "backward";
  /** At a fork: ways are equally likely, or by the bias of all weights they lead to; features of a way equally. */
  readonly branching: "equal" | "weight";
}

export const PHEW: WalkRules = {
  bias: "magnitude",
  granularity: "weight",
  direction: "alternate",
  branching: "equal",
};

/** One weight of a network: its parameter's name and its row-major index. */
export interface Edge {
  readonly parameter: string;
  readonly index: number;
}

/** A forward walk is at an output unit of `node`, a backward walk at an input unit of `node`. */
interface Place {
  readonly node: number;
  readonly unit: number;
}

interface Step {
  readonly probability: number;
  /** Absent where the walk ends. */
  readonly edge?: Edge;
  readonly next?: Place;
}

export interface WalkProbability {
  readonly edges: readonly Edge[];
  readonly probability: number;
}

/** Walks through one network. */
export class Walker {
  readonly ways: Ways;
  readonly parameters: Parameters;
  readonly rules: WalkRules;

  constructor(ways: Ways, parameters: Parameters, rules: WalkRules = PHEW) {
    this.ways = ways;
    this.parameters = parameters;
    this.rules = rules;
  }

  /** The edges of one walk from a unit of the network's input (forward) or output (backward) to the other end. */
  walk(forward: boolean, start: number, random: () => number): Edge[] {
    const edges: Edge[] = [];
    let place: Place | undefined = { node: forward ? 0 : OUTPUT, unit: start };
    while (place !== undefined) {
      const steps: Step[] = this.#steps(forward, place);
      const step: Step =
        steps[
          draw(
            steps.map(({ probability }) => probability),
            random,
          )
        ]!;
      if (step.edge !== undefined) edges.push(step.edge);
      place = step.next;
    }
    return edges;
  }

  /** Every walk from one unit to the other end, with its probability. For small networks only: there are very many. */
  everyWalk(forward: boolean, start: number): WalkProbability[] {
    const complete: WalkProbability[] = [];
    const extend = (place: Place, edges: readonly Edge[], probability: number): void => {
      for (const step of this.#steps(forward, place)) {
        if (step.probability === 0) continue;
        const longer = step.edge === undefined ? edges : [...edges, step.edge];
        if (step.next === undefined)
          complete.push({ edges: longer, probability: probability * step.probability });
        else extend(step.next, longer, probability * step.probability);
      }
    };
    extend({ node: forward ? 0 : OUTPUT, unit: start }, [], 1);
    return complete;
  }

  /**
   * Walks, forward first, each direction through its start units in round robin, until at least keepCount weights
   * are kept.
   */
  keep(keepCount: number, random: () => number): { kept: Map<string, Uint8Array>; walkCount: number } {
    const kept = new Map<string, Uint8Array>();
    for (const node of this.ways.graph.nodes) {
      if (!isWeightedOp(node.op)) continue;
      kept.set(node.op.weight, new Uint8Array(this.parameters.get(node.op.weight)!.length));
    }
    const inputs = this.starts(true);
    const outputs = this.starts(false);
    let [forwardCount, backwardCount, keptCount] = [0, 0, 0];
    while (keptCount < keepCount) {
      const walkCount = forwardCount + backwardCount;
      const forward =
        this.rules.direction === "alternate" ? walkCount % 2 === 0 : this.rules.direction === "forward";
      const start = forward
        ? inputs[forwardCount++ % inputs.length]!
        : outputs[backwardCount++ % outputs.length]!;
      for (const edge of this.walk(forward, start, random)) {
        for (const index of this.#conserved(edge)) {
          keptCount += 1 - kept.get(edge.parameter)![index]!;
          kept.get(edge.parameter)![index] = 1;
        }
      }
    }
    return { kept, walkCount: forwardCount + backwardCount };
  }

  /** The units in which walks of a direction start, in turn: those of the input, or output, that are on a path. */
  starts(forward: boolean): number[] {
    const node = forward ? 0 : this.ways.graph.output;
    return [...Array(this.ways.shapes[node]![0]!).keys()].filter((unit) =>
      forward ? this.ways.leadsOn(0, unit) : this.ways.back(OUTPUT, unit).length > 0,
    );
  }

  #conserved(edge: Edge): number[] {
    if (this.rules.granularity === "weight") return [edge.index];
    const node = this.ways.graph.nodes.find(({ op }) => isWeightedOp(op) && op.weight === edge.parameter)!;
    const size = isWeightedOp(node.op) ? tapCount(node.op) : 1;
    const first = Math.floor(edge.index / size) * size;
    return Array.from({ length: size }, (_, k) => first + k);
  }

  #steps(forward: boolean, place: Place): Step[] {
    const shares: number[] = [];
    const within: Step[][] = [];
    if (forward) {
      for (const way of this.ways.on(place.node, place.unit)) {
        // an edge that leaves several features is one edge
        const units = [...new Set(way.features.flat())];
        shares.push(units.reduce((sum, unit) => sum + total(this.#leaving(way.to, unit)), 0));
        // edges of all copies of a feature belong to one unit
        const fans = way.features.map((copies) => copies.flatMap((unit) => this.#leaving(way.to, unit)));
        within.push(
          way.to === OUTPUT
            ? [{ probability: 1 }]
            : fans.flatMap((fan) => stepsAlong(fan, 1 / way.features.length)),
        );
      }
    } else {
      for (const way of this.ways.back(place.node, place.unit)) {
        const fan = this.#entering(way.from, way.unit);
        shares.push(total(fan));
        within.push(isWeighted(this.ways.graph.nodes[way.from]!) ? stepsAlong(fan, 1) : [{ probability: 1 }]);
      }
    }
    const sum = shares.reduce((a, b) => a + b, 0);
    const byWeight = this.rules.branching === "weight" && sum > 0;
    return within.flatMap((steps, k) => {
      const share = byWeight ? shares[k]! / sum : 1 / within.length;
      return steps.map((step) => ({ ...step, probability: step.probability * share }));
    });
  }

  /** The weights that leave input unit `unit` of the operation `node`. */
  #leaving(node: number, unit: number): Fan {
    return this.#fan(
      node,
      (o, i) => i === unit && this.ways.leadsOn(node, o),
      (o) => ({ node, unit: o }),
    );
  }

  /** The weights that enter output unit `unit` of the operation `node`. */
  #entering(node: number, unit: number): Fan {
    return this.#fan(
      node,
      (o, i) => o === unit && this.ways.back(node, i).length > 0,
      (_, i) => ({ node, unit: i }),
    );
  }

  #fan(
    index: number,
    wanted: (o: number, i: number) => boolean,
    nextOf: (o: number, i: number) => Place,
  ): Fan {
    if (index === OUTPUT) return [];
    const { op, inputs } = this.ways.graph.nodes[index]!;
    if (!isWeightedOp(op)) return [];
    const inCount = this.ways.shapes[inputs[0]!]![0]!;
    const outCount = this.ways.shapes[index]![0]!;
    const groups = groupsOf(op);
    const size = tapCount(op);
    const weight = this.parameters.get(op.weight)!;
    const fan: Fan = [];
    let at = 0;
    for (let o = 0; o < outCount; o++) {
      const group = Math.floor(o / (outCount / groups));
      for (let k = 0; k < inCount / groups; k++) {
        const i = group * (inCount / groups) + k;
        for (let r = 0; r < size; r++, at++) {
          if (!wanted(o, i)) continue;
          const edge = { parameter: op.weight, index: at };
          fan.push({ share: this.#biasOf(weight[at]!), edge, next: nextOf(o, i) });
        }
      }
    }
    return fan;
  }

  #biasOf(w: number): number {
    switch (this.rules.bias) {
      case "magnitude":
        return Math.abs(w);
      case "square":
        return w * w;
      case "uniform":
        return 1;
      case "inverse":
        return 1 / (Math.abs(w) + 1e-5);
    }
  }
}

type Fan = { share: number; edge: Edge; next: Place }[];

function total(fan: Fan): number {
  return fan.reduce((sum, { share }) => sum + share, 0);
}

/** One step along the weights of a unit; if all are 0, they are drawn uniformly. */
function stepsAlong(fan: Fan, factor: number): Step[] {
  const sum = total(fan);
  return fan.map(({ share, edge, next }) => ({
    probability: factor * (sum > 0 ? share / sum : 1 / fan.length),
    edge,
    next,
  }));
}
