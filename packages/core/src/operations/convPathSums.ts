/**
 * Forward and backward pass of a path sum through a convolution, with θ' = |w| or w² and x[e, ·] the input of weight
 * e:
 *   y[o, ·] = Σ_{e of o} θ'_e · x[e, ·];   ∂R/∂θ'_e = g[o, ·] · x[e, ·];   ∂R/∂x[e, ·] = Σ_{o of e} θ'_e · g[o, ·].
 * Removed weights cost only the read of their mask. Uses the engine's kernels if they are loaded (in a browser after
 * loadPathKernels()); the TypeScript version differs only in the order of the sums.
 */
import { type PathConvolution, pathKernels } from "@phew/engine";
import type { PathSumInputs } from "./definition.ts";
import { elementCount } from "./shape.ts";
import type { Window } from "./spatial.ts";
import { foldInto, type Unfolding, unfoldInto, unfolding } from "./unfold.ts";

// the chunk stays in the second-level cache while all output channels read it
const CHUNK_LENGTH = (1 << 18) / Float64Array.BYTES_PER_ELEMENT;

/** The fields of a convolution that a path sum needs. */
export interface Convolution extends Window {
  /** Name of the weight, `[outChannels, inChannels / groups, kh, kw]`. */
  readonly weight: string;
  /** Name of the bias, `[outChannels]`. */
  readonly bias?: string;
  readonly outChannels: number;
  readonly groups: number;
}

/** Some input channels of one group, unfolded, and the weights of one output channel that read them. */
interface Chunk {
  readonly group: number;
  /** Unfolded windows, one row of `plane` values for each weight of an output channel. */
  readonly rows: Float64Array;
  /** Index of the chunk's first weight within the weights of an output channel. */
  readonly firstEdge: number;
  readonly edgeCount: number;
  /** First channel of the chunk in the input. */
  readonly firstChannel: number;
  readonly channelCount: number;
}

/** Kept weights of an output channel, the first `count` of each: indices from the chunk's first edge on, and θ'. */
interface KeptEdges {
  readonly count: number;
  readonly edge: Int32Array;
  readonly theta: Float64Array;
}

interface Geometry {
  readonly inPerGroup: number;
  readonly outPerGroup: number;
  readonly kernelSize: number;
  /** Input positions, and output positions. */
  readonly inPlane: number;
  readonly plane: number;
  /** Weights of an output channel. */
  readonly fanIn: number;
  readonly windows: Unfolding;
}

function geometryOf(op: Convolution, given: PathSumInputs): Geometry {
  const [channels, height, width] = given.inputShapes[0]! as [number, number, number];
  const [, outHeight, outWidth] = given.outputShape as [number, number, number];
  const inPerGroup = channels / op.groups;
  const kernelSize = op.kernel[0] * op.kernel[1];
  return {
    inPerGroup,
    outPerGroup: op.outChannels / op.groups,
    kernelSize,
    inPlane: height * width,
    plane: outHeight * outWidth,
    fanIn: inPerGroup * kernelSize,
    windows: unfolding(op, [height, width], [outHeight, outWidth]),
  };
}

export function convPathForward(op: Convolution, given: PathSumInputs): Float64Array {
  const kernels = pathKernels();
  if (kernels === undefined) return plainPathForward(op, given);
  const bias = op.bias !== undefined && given.biases ? given.theta(op.bias) : undefined;
  return kernels.forward(convolutionOf(op, given), weightsOf(op, given), given.inputs[0]!, bias);
}

export function convPathBackward(
  op: Convolution,
  given: PathSumInputs,
  gradient: Float64Array,
): { readonly input: Float64Array; readonly weight: Float64Array } {
  const kernels = pathKernels();
  if (kernels === undefined) return plainPathBackward(op, given, gradient);
  return kernels.backward(convolutionOf(op, given), weightsOf(op, given), given.inputs[0]!, gradient);
}

function convolutionOf(op: Convolution, { inputShapes, outputShape }: PathSumInputs): PathConvolution {
  const [inChannels, height, width] = inputShapes[0]! as [number, number, number];
  const [outChannels, outHeight, outWidth] = outputShape as [number, number, number];
  const { groups, kernel, stride, dilation, padding } = op;
  return {
    groups,
    inChannels,
    outChannels,
    inputSize: [height, width],
    outputSize: [outHeight, outWidth],
    kernel,
    stride,
    dilation,
    padding: [padding[0], padding[1]],
  };
}

const weightsOf = (op: Convolution, { power, weight, kept }: PathSumInputs) => ({
  weight: weight(op.weight),
  mask: kept(op.weight),
  power,
});

export function plainPathForward(op: Convolution, given: PathSumInputs): Float64Array {
  const geometry = geometryOf(op, given);
  const { plane, outPerGroup, fanIn } = geometry;
  const output = new Float64Array(elementCount(given.outputShape));
  if (op.bias !== undefined && given.biases) {
    const bias = given.theta(op.bias);
    for (let o = 0; o < op.outChannels; o++) output.fill(bias[o]!, o * plane, (o + 1) * plane);
  }
  const gather = edgeGatherer(op, given);
  forEachChunk(op, given, geometry, ({ group, rows, firstEdge, edgeCount }) => {
    for (let o = group * outPerGroup; o < (group + 1) * outPerGroup; o++) {
      const edges = gather(o * fanIn + firstEdge, edgeCount);
      addRows(output.subarray(o * plane, (o + 1) * plane), rows, edges);
    }
  });
  return output;
}

export function plainPathBackward(
  op: Convolution,
  given: PathSumInputs,
  gradient: Float64Array,
): { readonly input: Float64Array; readonly weight: Float64Array } {
  const geometry = geometryOf(op, given);
  const { inPlane, plane, outPerGroup, fanIn, windows } = geometry;
  const input = new Float64Array(given.inputs[0]!.length);
  const weight = new Float64Array(given.weight(op.weight).length);
  const gather = edgeGatherer(op, given);
  let rowGradients = new Float64Array(0);
  forEachChunk(op, given, geometry, ({ group, rows, firstEdge, edgeCount, firstChannel, channelCount }) => {
    if (rowGradients.length !== rows.length) rowGradients = new Float64Array(rows.length);
    else rowGradients.fill(0);
    for (let o = group * outPerGroup; o < (group + 1) * outPerGroup; o++) {
      const first = o * fanIn + firstEdge;
      const edges = gather(first, edgeCount);
      const own = gradient.subarray(o * plane, (o + 1) * plane);
      addRowGradients(weight.subarray(first, first + edgeCount), rowGradients, own, rows, edges);
    }
    for (let c = 0; c < channelCount; c++) {
      foldInto(input, (firstChannel + c) * inPlane, rowGradients, c * windows.rowsLength, windows);
    }
  });
  return { input, weight };
}

function forEachChunk(
  op: Convolution,
  given: PathSumInputs,
  geometry: Geometry,
  visit: (chunk: Chunk) => void,
): void {
  const { inPerGroup, kernelSize, inPlane, windows } = geometry;
  const { rowsLength } = windows;
  const chunkChannels = Math.min(inPerGroup, Math.max(1, Math.floor(CHUNK_LENGTH / rowsLength)));
  // the padding stays 0: its positions are the same for every channel
  const rows = new Float64Array(chunkChannels * rowsLength);
  for (let group = 0; group < op.groups; group++) {
    for (let channel = 0; channel < inPerGroup; channel += chunkChannels) {
      const channelCount = Math.min(chunkChannels, inPerGroup - channel);
      const firstChannel = group * inPerGroup + channel;
      for (let c = 0; c < channelCount; c++)
        unfoldInto(rows, c * rowsLength, given.inputs[0]!, (firstChannel + c) * inPlane, windows);
      const edgeCount = channelCount * kernelSize;
      visit({ group, rows, firstEdge: channel * kernelSize, edgeCount, firstChannel, channelCount });
    }
  }
}

/**
 * Collects the kept weights first … first + edgeCount − 1 of a convolution, transformed; valid until the next call.
 */
function edgeGatherer(op: Convolution, given: PathSumInputs) {
  const weight = given.weight(op.weight);
  const kept = given.kept(op.weight);
  const square = given.power === 2;
  const length = weight.length / op.outChannels;
  const edge = new Int32Array(length);
  const theta = new Float64Array(length);
  return (first: number, edgeCount: number): KeptEdges => {
    let count = 0;
    for (let k = 0; k < edgeCount; k++) {
      if (kept !== undefined && kept[first + k] === 0) continue;
      const w = weight[first + k]!;
      edge[count] = k;
      theta[count++] = square ? w * w : Math.abs(w);
    }
    return { count, edge, theta };
  };
}

/** output += Σ θ'_e · rows[e], four rows at a time: one pass over the output for each four. */
function addRows(output: Float64Array, rows: Float64Array, { count, edge, theta }: KeptEdges): void {
  const plane = output.length;
  let k = 0;
  for (; k + 3 < count; k += 4) {
    const [a, b, c, d] = [edge[k]! * plane, edge[k + 1]! * plane, edge[k + 2]! * plane, edge[k + 3]! * plane];
    const [s, t, u, v] = [theta[k]!, theta[k + 1]!, theta[k + 2]!, theta[k + 3]!];
    for (let p = 0; p < plane; p++) {
      output[p]! += s * rows[a + p]! + t * rows[b + p]! + u * rows[c + p]! + v * rows[d + p]!;
    }
  }
  for (; k < count; k++) {
    const a = edge[k]! * plane;
    const s = theta[k]!;
    for (let p = 0; p < plane; p++) output[p]! += s * rows[a + p]!;
  }
}

/** weight[e] += g · rows[e] and rowGradients[e] += θ'_e · g for the kept weights of one output channel, four at a time. */
function addRowGradients(
  weight: Float64Array,
  rowGradients: Float64Array,
  gradient: Float64Array,
  rows: Float64Array,
  { count, edge, theta }: KeptEdges,
): void {
  const plane = gradient.length;
  let k = 0;
  for (; k + 3 < count; k += 4) {
    const [a, b, c, d] = [edge[k]! * plane, edge[k + 1]! * plane, edge[k + 2]! * plane, edge[k + 3]! * plane];
    const [s, t, u, v] = [theta[k]!, theta[k + 1]!, theta[k + 2]!, theta[k + 3]!];
    let [w, x, y, z] = [0, 0, 0, 0];
    for (let p = 0; p < plane; p++) {
      const g = gradient[p]!;
      w += g * rows[a + p]!;
      x += g * rows[b + p]!;
      y += g * rows[c + p]!;
      z += g * rows[d + p]!;
      rowGradients[a + p]! += s * g;
      rowGradients[b + p]! += t * g;
      rowGradients[c + p]! += u * g;
      rowGradients[d + p]! += v * g;
    }
    weight[edge[k]!]! += w;
    weight[edge[k + 1]!]! += x;
    weight[edge[k + 2]!]! += y;
    weight[edge[k + 3]!]! += z;
  }
  for (; k < count; k++) {
    const a = edge[k]! * plane;
    const s = theta[k]!;
    let x = 0;
    for (let p = 0; p < plane; p++) {
      const g = gradient[p]!;
      x += g * rows[a + p]!;
      rowGradients[a + p]! += s * g;
    }
    weight[edge[k]!]! += x;
  }
}
