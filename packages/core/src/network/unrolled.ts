/**
 * A network whose recurrent layers are computed step by step by other operations: the hidden weights stand at every
 * step and are shared, so that backends compute and differentiate the whole recurrence with what they have. Other nodes,
 * the parameters and their order stay.
 */
import { ArgumentError } from "../errors.ts";
import { type Cell, GATE_COUNTS, type Recurrent } from "../operations/recurrent.ts";
import type { Operation } from "../operations/registry.ts";
import { unitRun } from "../operations/select.ts";
import { counted } from "../quantity.ts";
import { buildNetwork, type Network, type Node, type NodeSpec } from "./network.ts";

/** Steps of one layer: each takes some 15 nodes and a copy of the hidden weights. */
const MOST_STEPS = 1024;

const known = new WeakMap<Network, Network>();

/**
 * The same network if it has no recurrent layer.
 * @throws ArgumentError if a layer has more steps than can be computed one by one
 */
export function unrolled(given: Network): Network {
  if (!given.nodes.some(({ op }) => op.kind === "recurrent")) return given;
  const before = known.get(given);
  if (before !== undefined) return before;
  const draft = new Unrolling(given);
  const result = draft.network();
  known.set(given, result);
  return result;
}

interface PlacedSpec extends NodeSpec {
  /** Of its first parameter in the given network. */
  readonly place: number;
}

/** Names of the values of one step: what the dense layers give, and the state before it. */
interface Step {
  readonly x: string;
  readonly h: string;
  /** Of an LSTM. */
  readonly c: string;
  /** The dense layer of hidden weights on another state. */
  readonly hidden: (state: string) => string;
}

class Unrolling {
  readonly #given: Network;
  readonly #specs: PlacedSpec[] = [];
  readonly #names: Set<string>;

  constructor(given: Network) {
    this.#given = given;
    this.#names = new Set(given.nodes.map(({ name }) => name));
  }

  network(): Network {
    const { nodes, parameters, inputs, name, output } = this.#given;
    const place = new Map(parameters.map((parameter, index) => [parameter.name, index]));
    const inputPlace = new Map(inputs.map((node, k) => [node, k - inputs.length]));
    const inside = new Set<number>();
    for (const { op, inputs: read } of nodes) {
      if (op.kind !== "recurrent" || op.state !== "own") continue;
      inside.add(read[1]!).add(nodes[read[1]!]!.inputs[0]!);
    }
    for (const [index, node] of nodes.entries()) {
      if (inside.has(index)) continue;
      if (node.op.kind === "recurrent") {
        this.#unroll(node, node.op, place);
        continue;
      }
      const own = inputPlace.get(index) ?? place.get(node.parameters[0]?.name ?? "") ?? parameters.length;
      const read = node.inputs.map((input) => nodes[input]!.name);
      this.#specs.push({ name: node.name, op: node.op, inputs: read, place: own });
    }
    // parameters are in the order of the nodes
    this.#specs.sort((a, b) => a.place - b.place);
    return buildNetwork(name, this.#specs, nodes[output]!.name);
  }

  #unroll(node: Node, op: Recurrent, place: ReadonlyMap<string, number>): void {
    const { nodes } = this.#given;
    const [input, layer] = node.inputs.map((index) => nodes[index]!) as [Node, Node];
    const [units, , stepCount] = node.shape as [number, number, number];
    if (layer.op.kind !== "dense") throw new Error(`${node.name} reads hidden weights of ${layer.op.kind}`);
    if (stepCount > MOST_STEPS) {
      throw new ArgumentError(`layer "${node.name}"`, {
        given: `a recurrence over ${counted(stepCount, "step")}, to be computed`,
        expected: `at most ${MOST_STEPS}`,
        remedy: "It can be pruned; export it over shorter sequences to compute it.",
      });
    }
    const rows = units * GATE_COUNTS[op.cell];
    const hiddenOp = layer.op;
    let isFirst = true;
    const hidden = (state: string): string => {
      const name = isFirst ? layer.name : this.#unused(`${layer.name} again`);
      isFirst = false;
      this.#specs.push({ name, op: hiddenOp, inputs: [state], place: place.get(hiddenOp.weight)! });
      return name;
    };
    const states = new Array<string>(stepCount);
    let [h, c] = ["", ""];
    for (let k = 0; k < stepCount; k++) {
      const t = op.isReverse ? stepCount - 1 - k : k;
      const prefix = `${node.name}/step ${t}`;
      const atoms = [{ length: rows, stride: stepCount }];
      const x = this.add(`${prefix}/x`, { kind: "rearrange", shape: [rows], offset: t, atoms }, input.name);
      if (k === 0) {
        h = this.add(`${prefix}/zeros`, { kind: "select", index: new Array<number>(units).fill(-1) }, x);
        c = h;
      }
      [h, c] = CELLS[op.cell](new Steps(this, prefix, units), { x, h, c, hidden }, op);
      states[t] = h;
    }
    const all = this.add(`${node.name}/steps`, { kind: "concat" }, ...states);
    const order = [
      { length: units, stride: 1 },
      { length: stepCount, stride: units },
    ];
    const inPlace = { kind: "rearrange", shape: node.shape, offset: 0, atoms: order } as const;
    this.#specs.push({ name: node.name, op: inPlace, inputs: [all], place: Number.POSITIVE_INFINITY });
  }

  /** @returns the node's name: the wanted one, or where that is taken one like it */
  add(wanted: string, op: Operation, ...inputs: string[]): string {
    const name = this.#unused(wanted);
    this.#specs.push({ name, op, inputs, place: Number.POSITIVE_INFINITY });
    return name;
  }

  #unused(wanted: string): string {
    let name = wanted;
    for (let k = 2; this.#names.has(name); k++) name = `${wanted}#${k}`;
    this.#names.add(name);
    return name;
  }
}

/** Writes the operations of a step. */
class Steps {
  readonly #draft: Unrolling;
  readonly #prefix: string;
  readonly #units: number;

  constructor(draft: Unrolling, prefix: string, units: number) {
    this.#draft = draft;
    this.#prefix = prefix;
    this.#units = units;
  }

  add(...terms: string[]): string {
    return this.#draft.add(`${this.#prefix}/add`, { kind: "add" }, ...terms);
  }

  multiply(a: string, b: string): string {
    return this.#draft.add(`${this.#prefix}/multiply`, { kind: "multiply" }, a, b);
  }

  gate(rows: string, gate: number): string {
    const index = unitRun(gate * this.#units, this.#units);
    return this.#draft.add(`${this.#prefix}/gate ${gate}`, { kind: "select", index }, rows);
  }

  activation(name: "sigmoid" | "tanh" | "relu", x: string): string {
    return this.#draft.add(`${this.#prefix}/${name}`, { kind: "activation", name }, x);
  }

  negative(x: string): string {
    const op = { kind: "activation", name: "linear", alpha: -1, beta: 0 } as const;
    return this.#draft.add(`${this.#prefix}/negative`, op, x);
  }
}

type CellStep = (steps: Steps, step: Step, op: Recurrent) => [h: string, c: string];

const plain =
  (name: "tanh" | "relu"): CellStep =>
  (s, { x, h, c, hidden }) => [s.activation(name, s.add(x, hidden(h))), c];

const CELLS: Readonly<Record<Cell, CellStep>> = {
  lstm(s, { x, h, c, hidden }) {
    const sums = s.add(x, hidden(h));
    const [i, f, g, o] = [
      s.activation("sigmoid", s.gate(sums, 0)),
      s.activation("sigmoid", s.gate(sums, 1)),
      s.activation("tanh", s.gate(sums, 2)),
      s.activation("sigmoid", s.gate(sums, 3)),
    ];
    const next = s.add(s.multiply(f, c), s.multiply(i, g));
    return [s.multiply(o, s.activation("tanh", next)), next];
  },

  gru(s, { x, h, c, hidden }, { resetsState = false }) {
    const y = hidden(h);
    const gate = (k: number) => s.activation("sigmoid", s.add(s.gate(x, k), s.gate(y, k)));
    const [r, z] = [gate(0), gate(1)];
    const other = resetsState ? s.gate(hidden(s.multiply(r, h)), 2) : s.multiply(r, s.gate(y, 2));
    const n = s.activation("tanh", s.add(s.gate(x, 2), other));
    // (1 − z)·n + z·h = n + z·(h − n)
    return [s.add(n, s.multiply(z, s.add(h, s.negative(n)))), c];
  },

  tanh: plain("tanh"),
  relu: plain("relu"),
};
