/** Operations that networks cannot contain, collected over a whole file and reported together. */
import { ArgumentError, counted, shortened } from "@phew/core";
import type { NodePart } from "./parts.ts";

export interface NamedNode {
  /** The node's name in the file. */
  readonly node: string;
  /** ONNX's name of the operation, with its domain unless that is ONNX's own. */
  readonly operation: string;
}

/** A node that has no place in a network. */
export interface UnsupportedNode extends NamedNode {
  /** Why it cannot be carried over. */
  readonly reason: string;
}

/** Whether --treat-as-opaque would make a network of it, would not, or was given and does not. */
type Opaqueness = "works" | "fails" | "refused";

const ADVICE: Readonly<Record<Opaqueness, string>> = {
  works:
    "Leave them out of the export, or pass --treat-as-opaque to prune around them: in functions of each element units stay what they are, elsewhere every unit is assumed to reach every other:",
  fails:
    "Leave them out of the export; --treat-as-opaque does not help, since no opaque part can stand in the place of some of them (it puts out an image or a list of features of known shape, units first):",
  refused:
    "These cannot be treated as opaque either, since no opaque part can stand in their place (it puts out an image or a list of features of known shape, units first):",
};

/** Of a file that reaches no further. */
const WEIGHTS_ALONE =
  "Its weights alone can be pruned (by magnitude, random, uniform or erk; phew doctor FILE lists what it reaches). ";

/** At most so many kinds are spelled out in the message, and nodes of each; `nodes` and `unjudged` hold them all. */
const MOST_KINDS = 30;
const MOST_NODES = 20;
/** Of those that may be no fault. */
const MOST_UNJUDGED = 3;

/** A file that is sound, and whose network cannot be read here: its weights can. */
export class UnsupportedModelError extends ArgumentError {
  override readonly name: string = "UnsupportedModelError";

  /** What stands in the way, for a sentence. */
  get inWords(): string {
    return `it has ${this.fault.given}`;
  }
}

export class UnsupportedOperationsError extends UnsupportedModelError {
  override readonly name = "UnsupportedOperationsError";
  readonly nodes: readonly UnsupportedNode[];
  /** Nodes of supported operations that cannot be read because the shape of their inputs is unknown. */
  readonly unjudged: readonly NamedNode[];
  /** The message line by line, since names in it may hold line breaks of their own. */
  readonly lines: readonly string[];

  /**
   * @param outputs the outputs that were wanted
   */
  constructor(
    file: string,
    nodes: readonly UnsupportedNode[],
    opaqueness: Opaqueness,
    unjudged: readonly NamedNode[],
    outputs: readonly string[] = [],
  ) {
    const lines = [
      ...linesByKind(nodes, kindOf, (alike) => `${describeKind(alike, MOST_NODES)}: ${alike[0]!.reason}`),
      ...(unjudged.length > 0
        ? [
            `${counted(unjudged.length, "node")} behind these could not be judged, since the shape of what they read is not known:`,
            ...linesByKind(
              unjudged,
              ({ operation }) => operation,
              (alike) => describeKind(alike, MOST_UNJUDGED),
            ).map((line) => `  ${line}`),
          ]
        : []),
    ];
    super(file, {
      given: `${counted(nodes.length, "node")} that no network here can hold`,
      expected:
        "convolutions, dense layers, batch normalisation, activations, pooling, add, concat, split and reshapes",
      remedy: `${severalAdvice(outputs)}${WEIGHTS_ALONE}${ADVICE[opaqueness]}`,
    });
    this.nodes = nodes;
    this.unjudged = unjudged;
    this.lines = [this.message, ...lines.map((line) => shortened(line))];
    this.message = this.lines.join("\n  ");
  }
}

/** One output may lead past what another needs. */
function severalAdvice(outputs: readonly string[]): string {
  if (outputs.length < 2) return "";
  const some = outputs.slice(0, 10).join(", ");
  return `The file has ${outputs.length} outputs (${some}): --output NAME takes what leads to one of them. `;
}

/** One operation for one reason, whatever the numbers in it. */
const kindOf = ({ operation, reason }: UnsupportedNode): string =>
  `${operation}: ${reason.replace(/\d+/g, "#")}`;

/** A line for each kind, and one for the number of further kinds. */
function linesByKind<T>(
  nodes: readonly T[],
  kind: (node: T) => string,
  describe: (alike: readonly T[]) => string,
): string[] {
  const byKind = new Map<string, T[]>();
  for (const node of nodes) {
    const alike = byKind.get(kind(node));
    if (alike === undefined) byKind.set(kind(node), [node]);
    else alike.push(node);
  }
  const kinds = [...byKind.values()];
  const left = kinds.slice(MOST_KINDS).flat().length;
  return [...kinds.slice(0, MOST_KINDS).map(describe), ...(left > 0 ? [`… and ${left} more`] : [])];
}

/** "3 × Mul (a, b, c)". @param most names to list */
function describeKind(alike: readonly NamedNode[], most: number): string {
  const names = alike.slice(0, most).map(({ node }) => node);
  const more = alike.length > most ? ` and ${alike.length - most} more` : "";
  const count = alike.length > 1 ? `${alike.length} × ` : "";
  return `${count}${alike[0]!.operation} (${names.join(", ")}${more})`;
}

/** Thrown while one node is read; the importer catches it and continues with the next node. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
  /** The node at fault; absent: the current one. */
  readonly culprit: NodePart | undefined;

  constructor(reason: string, culprit?: NodePart) {
    super(reason);
    this.culprit = culprit;
  }
}

const ATTENTION = "the product of two values has no weights of its own to walk";
const CONTROL = "control flow holds graphs of its own, which run or not depending on data";
const QUANTISED = "its weights are whole numbers with a scale, not float weights";
const GATHERS = "it picks data by index";
const NORMALISES = "it normalises by statistics of the input itself, which mix all units";
const LAYOUT = "it moves elements between places or channels";
const STATEFUL = "its output is random";

const REASONS: Readonly<Record<string, string>> = {
  Attention: ATTENTION,
  MultiHeadAttention: ATTENTION,
  Einsum: ATTENTION,
  If: CONTROL,
  Loop: CONTROL,
  Scan: CONTROL,
  SequenceMap: CONTROL,
  QuantizeLinear: QUANTISED,
  DequantizeLinear: QUANTISED,
  DynamicQuantizeLinear: QUANTISED,
  QLinearConv: QUANTISED,
  QLinearMatMul: QUANTISED,
  ConvInteger: QUANTISED,
  MatMulInteger: QUANTISED,
  Gather: GATHERS,
  GatherElements: GATHERS,
  GatherND: GATHERS,
  ScatterElements: GATHERS,
  ScatterND: GATHERS,
  Where: GATHERS,
  TopK: GATHERS,
  NonZero: GATHERS,
  MeanVarianceNormalization: NORMALISES,
  LRN: NORMALISES,
  Softmax: "it normalises over units in the middle of the network",
  LogSoftmax: "it normalises over units in the middle of the network",
  GridSample: LAYOUT,
  LpPool: "it pools by powers, which is neither a mean nor a maximum",
  GlobalLpPool: "it pools by powers, which is neither a mean nor a maximum",
  MaxUnpool: "it puts values back where maxima were, which another node tells",
  MaxRoiPool: LAYOUT,
  RoiAlign: LAYOUT,
  RandomNormal: STATEFUL,
  RandomUniform: STATEFUL,
  RandomNormalLike: STATEFUL,
  RandomUniformLike: STATEFUL,
};

/** Why an operation that is not known cannot be carried over. */
export function reasonFor(opType: string): string {
  return REASONS[opType] ?? "how it carries units from its input to its output is not known";
}
