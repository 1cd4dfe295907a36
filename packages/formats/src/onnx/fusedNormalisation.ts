/**
 * Normalisations that an exporter writes step by step:
 *   d = x − ReduceMean(x),   y = d / √(ReduceMean(d²) + ε)      (layer normalisation)
 *   y = x / √(ReduceMean(x²) + ε)                               (RMS normalisation)
 * with d² as Pow or Mul, and the division as Div or as Mul with a Reciprocal. What follows, a factor and an offset, are
 * nodes of their own that become its scale and shift.
 */
import { normalAxis, smallNumbers } from "./constants.ts";
import type { Importer } from "./importer.ts";
import { overAxes } from "./operators/normalisation.ts";
import type { Operator } from "./operators/operator.ts";
import type { NodePart } from "./parts.ts";
import { Unsupported } from "./unsupported.ts";

export interface FusedNormalisations {
  /** The last step of each → how it is read. */
  readonly ends: ReadonlyMap<NodePart, Operator>;
  /** Steps that only others of the same normalisation read. */
  readonly inner: ReadonlySet<NodePart>;
}

/** The steps of one normalisation. */
interface Steps {
  readonly x: string;
  readonly mean: NodePart | undefined;
  readonly square: NodePart;
  readonly meanSquare: NodePart;
  /** Value with ε. */
  readonly epsilon: string;
  readonly end: NodePart;
  readonly inner: readonly NodePart[];
}

class Graph {
  readonly makers = new Map<string, NodePart>();
  readonly readers = new Map<string, NodePart[]>();

  constructor(nodes: readonly NodePart[]) {
    for (const node of nodes) {
      for (const output of node.output ?? []) this.makers.set(output, node);
      for (const input of node.input ?? [])
        this.readers.set(input, [...(this.readers.get(input) ?? []), node]);
    }
  }

  maker(value: string | undefined, opType: string): NodePart | undefined {
    const node = this.makers.get(value ?? "");
    return node?.opType === opType ? node : undefined;
  }

  readersOf = (node: NodePart): readonly NodePart[] => this.readers.get(node.output?.[0] ?? "") ?? [];
}

export function fusedNormalisations(
  nodes: readonly NodePart[],
  outputs: readonly string[],
): FusedNormalisations {
  const ends = new Map<NodePart, Operator>();
  const inner = new Set<NodePart>();
  if (!nodes.some(({ opType }) => opType === "Sqrt")) return { ends, inner };
  const graph = new Graph(nodes);
  for (const node of nodes) {
    const steps = node.opType === "Sqrt" ? stepsOf(graph, node) : undefined;
    const isAlone = steps?.inner.every(
      (step) =>
        !outputs.includes(step.output?.[0] ?? "") &&
        graph.readersOf(step).every((reader) => reader === steps.end || steps.inner.includes(reader)),
    );
    if (steps === undefined || !isAlone) continue;
    ends.set(steps.end, (context, end) => read(context, end, steps));
    for (const step of steps.inner) inner.add(step);
  }
  return { ends, inner };
}

function stepsOf(graph: Graph, root: NodePart): Steps | undefined {
  const sum = graph.maker(root.input?.[0], "Add");
  const [first = "", second = ""] = sum?.input ?? [];
  const meanSquare = graph.maker(first, "ReduceMean") ?? graph.maker(second, "ReduceMean");
  const epsilon = graph.maker(first, "ReduceMean") === undefined ? first : second;
  const [squared] = meanSquare?.input ?? [];
  const square = graph.maker(squared, "Pow") ?? graph.maker(squared, "Mul");
  if (sum === undefined || meanSquare === undefined || square === undefined) return undefined;
  const [of = "", other] = square.input ?? [];
  if (square.opType === "Mul" && of !== other) return undefined;
  const centred = graph.maker(of, "Sub");
  const [x = ""] = centred?.input ?? [];
  const mean = graph.maker(centred?.input?.[1], "ReduceMean");
  const isCentred = mean !== undefined && mean.input?.[0] === x;
  const last = endOf(graph, root, (value) => value === of || (isCentred && isSame(graph, value, centred!)));
  if (last === undefined) return undefined;
  const ofMean = isCentred
    ? [mean, centred!, ...graph.readersOf(mean).filter((node) => node.opType === "Sub")]
    : [];
  const inner = [...new Set([...ofMean, square, meanSquare, sum, root, ...last.before])];
  return {
    x: isCentred ? x : of,
    mean: isCentred ? mean : undefined,
    square,
    meanSquare,
    epsilon,
    end: last.end,
    inner,
  };
}

const isSame = (graph: Graph, value: string, centred: NodePart): boolean => {
  const other = graph.maker(value, "Sub");
  return other?.input?.[0] === centred.input?.[0] && other?.input?.[1] === centred.input?.[1];
};

/** The node that divides by the root, or multiplies with its reciprocal. */
function endOf(graph: Graph, root: NodePart, isDividend: (value: string) => boolean) {
  const [reader, ...others] = graph.readersOf(root);
  if (reader === undefined || others.length > 0) return undefined;
  const [a = "", b = ""] = reader.input ?? [];
  if (reader.opType === "Div" && isDividend(a) && b === root.output?.[0]) return { end: reader, before: [] };
  // 1 / √… times the value
  const isInverse = reader.opType === "Reciprocal" || (reader.opType === "Div" && b === root.output?.[0]);
  const [end, ...more] = graph.readersOf(reader);
  if (!isInverse || end?.opType !== "Mul" || more.length > 0) return undefined;
  const factor = end.input?.find((value) => value !== reader.output?.[0]) ?? "";
  return isDividend(factor) ? { end, before: [reader] } : undefined;
}

function read(context: Importer, node: NodePart, steps: Steps) {
  const value = context.view(context.values.get(steps.x), "a normalisation");
  const axes = axesOf(context, steps.meanSquare, value.dims.length);
  if (steps.mean !== undefined && String(axesOf(context, steps.mean, value.dims.length)) !== String(axes))
    throw new Unsupported("its mean and its deviation are over different axes");
  const [power, epsilon] = [steps.square.input?.[1] ?? "", steps.epsilon].map((name) =>
    context.scalar(context.values.get(name)),
  );
  if (steps.square.opType === "Pow" && power !== 2)
    throw new Unsupported("it is divided by the root of a mean of other powers than squares");
  if (epsilon === undefined) throw new Unsupported("what is added to its variance is no constant number");
  for (const inverse of steps.inner.filter(({ opType }) => opType === "Div"))
    if (context.scalar(context.values.get(inverse.input?.[0] ?? "")) !== 1)
      throw new Unsupported("it is divided by a multiple of its deviation");
  return overAxes(context, node, value, axes, { centred: steps.mean !== undefined, epsilon });
}

function axesOf(context: Importer, node: NodePart, rank: number): readonly number[] {
  const attributes = context.attributes(node);
  const [, given] = node.input ?? [];
  const axes = given
    ? [...smallNumbers(context.constant(context.values.get(given), "its list of axes"))]
    : attributes.ints("axes");
  if (axes === undefined || attributes.int("keepdims", 1) === 0)
    throw new Unsupported("it takes means over no axes that are known, or drops these");
  return axes.map((axis) => normalAxis(axis, rank)).sort((a, b) => a - b);
}
