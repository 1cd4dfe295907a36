/**
 * Scores of absent weights by the paths that they would add. For weight e = (o, i, tap) of a layer,
 *   score_e = Σ_{paths through e} Π_{e' ≠ e} |θ_e'| = Σ_p a_i(p, tap) · b_o(p):
 * a_i(p, tap) the sum over paths from the input to what tap reads of unit i at output position p, b_o(p) that over paths from
 * unit o at p to the outputs, all along kept weights. It is ∂R/∂|θ_e| of SynFlow's R without biases (pathSums.ts) as if e were
 * kept. Dense layers have one position: score = a_i · b_o.
 * No score is computed until it is asked for: one pass of path sums, O(kept weights · positions), gives all a and b.
 * @see Yao & Dovrolis 2025, arXiv:2509.25665 (path weight magnitude product)
 */
import type { Masks } from "../masks/masks.ts";
import type { Network, PrunableParameter } from "../network/network.ts";
import { type WeightFlow, weightFlows } from "../network/unitFlow.ts";
import { type Conv3d, flatWindow } from "../operations/conv3d.ts";
import { elementCount, type Shape } from "../operations/shape.ts";
import { validRange, type Window } from "../operations/spatial.ts";
import { unfolding } from "../operations/unfold.ts";
import type { Weights } from "../weights/weights.ts";
import { type LayerPathSums, widePathSums } from "./pathSums.ts";

/** One layer's path sums. Its outputs are the rows; a row's weights are numbered as in the parameter, `[input, tap]`. */
export interface LayerPaths {
  readonly parameter: PrunableParameter;
  readonly rowCount: number;
  /** Weights of a row. */
  readonly rowLength: number;
  /** Weights of a kernel. */
  readonly kernelSize: number;
  /** All scores and masses of the layer count times 2^exponent. */
  readonly exponent: number;
  /** Score of the weight with this index in the parameter, kept or absent. O(positions). */
  score(index: number): number;
  /** Sum of the scores of a row's weights, kept and absent. O(kernel · positions). */
  rowMass(row: number): number;
  /** Of a row, an upper bound of the score of each of the input's taps: `bound[input] · rowBound(row)`. */
  readonly bounds: (row: number) => Float64Array;
  rowBound(row: number): number;
  /** Sum of the scores of each row's kept weights. */
  readonly keptMass: Float64Array;
}

/** @param masks the weights that paths use @returns one entry per layer, in the order of `network.prunable` */
export function absentPaths(network: Network, weights: Weights, masks: Masks): readonly LayerPaths[] {
  const kept = new Map<string, Float64Array>();
  const sums = new Map<string, LayerPathSums>();
  const flows = new Map(weightFlows(network).map((flow) => [flow.parameter.name, flow]));
  widePathSums(network, weights, {
    power: 1,
    masks,
    visit: (name, gradient) => {
      const flow = flows.get(name);
      if (flow !== undefined) kept.set(name, rowSums(gradient, flow.outCount));
    },
    visitLayer: (layer) => sums.set(layer.parameter, layer),
  });
  return network.prunable.map((parameter) =>
    layerPaths(network, flows.get(parameter.name)!, sums.get(parameter.name)!, kept.get(parameter.name)!),
  );
}

function rowSums(values: Float64Array, rowCount: number): Float64Array {
  const length = values.length / rowCount;
  return Float64Array.from({ length: rowCount }, (_, row) =>
    values.subarray(row * length, (row + 1) * length).reduce((sum, value) => sum + value, 0),
  );
}

/** Runs of positions that a tap reads: starts in the output plane and the input plane, and lengths. */
type TapRuns = readonly number[];

interface Geometry {
  readonly taps: readonly TapRuns[];
  /** Distance between neighbouring input positions of a run. */
  readonly step: number;
  readonly inPlane: number;
  readonly outPlane: number;
}

function layerPaths(
  network: Network,
  { parameter, outCount, inCount, groups, kernelSize }: WeightFlow,
  sums: LayerPathSums,
  keptMass: Float64Array,
): LayerPaths {
  const geometry = geometryOf(network, parameter, sums);
  const { inPlane, outPlane } = geometry;
  const { input, gradient, exponent } = sums;
  const perGroup = inCount / groups;
  const rowLength = perGroup * kernelSize;
  const firstInput = (row: number) => Math.floor((row * groups) / outCount) * perGroup;
  const product = (a: Float64Array, aStart: number, row: number, tap: number) =>
    overlap(geometry, a, aStart, gradient, row * outPlane, tap);
  // of each group: the sum over its units, and the greatest value of each unit
  const groupSums = Array.from({ length: groups }, (_, g) => {
    const sum = new Float64Array(inPlane);
    for (let i = g * perGroup; i < (g + 1) * perGroup; i++)
      for (let p = 0; p < inPlane; p++) sum[p]! += input[i * inPlane + p]!;
    return sum;
  });
  const greatest = Float64Array.from({ length: inCount }, (_, i) =>
    input.subarray(i * inPlane, (i + 1) * inPlane).reduce((most, value) => Math.max(most, value), 0),
  );
  return {
    parameter,
    rowCount: outCount,
    rowLength,
    kernelSize,
    exponent,
    keptMass,
    score(index) {
      const row = Math.floor(index / rowLength);
      const place = index - row * rowLength;
      const unit = firstInput(row) + Math.floor(place / kernelSize);
      return product(input, unit * inPlane, row, place % kernelSize);
    },
    rowMass(row) {
      const sum = groupSums[firstInput(row) / perGroup]!;
      let mass = 0;
      for (let tap = 0; tap < kernelSize; tap++) mass += product(sum, 0, row, tap);
      return mass;
    },
    bounds: (row) => greatest.subarray(firstInput(row), firstInput(row) + perGroup),
    rowBound: (row) =>
      gradient.subarray(row * outPlane, (row + 1) * outPlane).reduce((sum, value) => sum + value, 0),
  };
}

/** Σ_p a(p, tap) · b(p). */
function overlap(
  { taps, step }: Geometry,
  a: Float64Array,
  aStart: number,
  b: Float64Array,
  bStart: number,
  tap: number,
): number {
  const runs = taps[tap]!;
  let sum = 0;
  for (let run = 0; run < runs.length; run += 3) {
    let x = aStart + runs[run + 1]!;
    const first = bStart + runs[run]!;
    const end = first + runs[run + 2]!;
    for (let p = first; p < end; p++, x += step) sum += a[x]! * b[p]!;
  }
  return sum;
}

function geometryOf(
  network: Network,
  { node }: PrunableParameter,
  { inputShape, outputShape }: LayerPathSums,
): Geometry {
  const { op } = network.nodes[node]!;
  const [inPlane, outPlane] = [inputShape, outputShape].map(([, ...places]) => elementCount(places)) as [
    number,
    number,
  ];
  if (op.kind === "conv2d") {
    const { taps, step } = planeTaps(op, planeOf(inputShape), planeOf(outputShape));
    return { taps, step, inPlane, outPlane };
  }
  if (op.kind === "conv3d") return { ...volumeTaps(op, inputShape, outputShape), inPlane, outPlane };
  // a dense layer reads each position for itself
  return { taps: [[0, 0, outPlane]], step: 1, inPlane, outPlane };
}

type Plane = readonly [number, number];
const planeOf = ([, height, width]: Shape): Plane => [height!, width!];

function planeTaps(window: Window, input: Plane, output: Plane): Pick<Geometry, "taps" | "step"> {
  const { runs, step } = unfolding(window, input, output);
  const area = elementCount(output);
  const taps: number[][] = Array.from({ length: window.kernel[0] * window.kernel[1] }, () => []);
  for (let run = 0; run < runs.length; run += 3)
    taps[Math.floor(runs[run]! / area)]!.push(runs[run]! % area, runs[run + 1]!, runs[run + 2]!);
  return { taps, step };
}

/** Those of its slices, one after the other. */
function volumeTaps(op: Conv3d, inputShape: Shape, outputShape: Shape): Pick<Geometry, "taps" | "step"> {
  const [, inDepth, ...input] = inputShape as [number, number, number, number];
  const [, outDepth, ...output] = outputShape as [number, number, number, number];
  const flat = planeTaps(flatWindow(op), input, output);
  const [inArea, outArea] = [elementCount(input), elementCount(output)];
  const taps = Array.from({ length: op.kernel[0] }, (_, r) => {
    const [first, end] = validRange(inDepth, outDepth, r, op.stride[0], op.padding[0], op.dilation[0]);
    const slices = Array.from({ length: end - first }, (_, k) => first + k);
    return flat.taps.map((runs) =>
      slices.flatMap((p) => {
        const d = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
        return runs.map((place, k) => place + [p * outArea, d * inArea, 0][k % 3]!);
      }),
    );
  }).flat();
  return { taps, step: flat.step };
}
