/** What a network of this project cannot hold, collected over a whole file and told at once. */
import { ArgumentError } from "@phew/core";
import type { NodePart } from "./parts.ts";

/** A node that has no place in a network. */
export interface UnsupportedNode {
  /** The node's name in the file. */
  readonly node: string;
  /** ONNX's name of the operation, with its domain where that is not ONNX's own. */
  readonly operation: string;
  /** Why it cannot be carried over. */
  readonly reason: string;
}

/** At most so many are spelled out in the message; `nodes` holds them all. */
const TOLD = 30;

export class UnsupportedOperationsError extends ArgumentError {
  override readonly name = "UnsupportedOperationsError";
  readonly nodes: readonly UnsupportedNode[];

  constructor(file: string, nodes: readonly UnsupportedNode[], asOpaque: boolean) {
    const told = nodes
      .slice(0, TOLD)
      .map(({ node, operation, reason }) => `\n  ${node} (${operation}): ${reason}`);
    const more = nodes.length > TOLD ? `\n  … and ${nodes.length - TOLD} more` : "";
    const advice = asOpaque
      ? "These cannot be treated as opaque either, since what they put out is not known to be an image or a list of features:"
      : "Leave them out of the export, or pass --treat-as-opaque to assume that each carries every unit of its input to every unit of its output:";
    super(file, {
      given: `${nodes.length} node${nodes.length === 1 ? "" : "s"} that no network here can hold`,
      expected:
        "convolutions, dense layers, batch normalisation, activations, pooling, add, concat, split and reshapes",
      remedy: `${advice}${told.join("")}${more}`,
    });
    this.nodes = nodes;
  }
}

/** Thrown while one node is read, caught by the importer, which goes on with the next. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
  /** The node whose fault it is; absent: the one that is being read. */
  readonly culprit: NodePart | undefined;

  constructor(reason: string, culprit?: NodePart) {
    super(reason);
    this.culprit = culprit;
  }
}

const RECURRENT = "a recurrent layer uses a weight at many time steps, so that it lies on no single path";
const ATTENTION = "the product of two values has no weights of its own to walk";
const CONTROL = "control flow holds graphs of its own, which run or not depending on data";
const QUANTISED = "its weights are whole numbers with a scale, not float weights";
const GATHERS = "it picks data by index";
const NORMALISES = "it normalises by statistics of the input itself, which mix all units";
const LAYOUT = "it moves elements between places or channels";
const STATEFUL = "its output is random";

const REASONS: Readonly<Record<string, string>> = {
  LSTM: RECURRENT,
  GRU: RECURRENT,
  RNN: RECURRENT,
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
  InstanceNormalization: NORMALISES,
  GroupNormalization: NORMALISES,
  LayerNormalization: NORMALISES,
  MeanVarianceNormalization: NORMALISES,
  LpNormalization: NORMALISES,
  LRN: NORMALISES,
  Softmax: "it normalises over units in the middle of the network",
  LogSoftmax: "it normalises over units in the middle of the network",
  Resize: LAYOUT,
  Upsample: LAYOUT,
  DepthToSpace: LAYOUT,
  SpaceToDepth: LAYOUT,
  GridSample: LAYOUT,
  RoiAlign: LAYOUT,
  ConvTranspose: "a transposed convolution is not among the operations that can be walked",
  RandomNormal: STATEFUL,
  RandomUniform: STATEFUL,
  RandomNormalLike: STATEFUL,
  RandomUniformLike: STATEFUL,
};

/** Why an operation that is not known cannot be carried over. */
export function reasonFor(opType: string): string {
  return REASONS[opType] ?? "how it carries units from its input to its output is not known";
}
