/** Layout of a convolution's planes for path sums: see assembly/paths/layout.ts. */
import { records } from "../border/paths.ts";
import { type FieldsOf, recordArray } from "../border/record.ts";

/** A convolution over one image. Pairs are vertical, horizontal. */
export interface PathConvolution {
  readonly groups: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly inputSize: readonly [number, number];
  readonly outputSize: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  /** Rows above and columns left of the input that are 0. */
  readonly padding: readonly [number, number];
}

export interface PathLayout {
  /** Distance between rows in all planes, in elements. */
  readonly pitch: number;
  readonly phaseCount: number;
  /** Rows and columns of a phase: those of the output, and those that taps reach beyond. */
  readonly phaseRows: number;
  readonly phaseColumns: number;
  /** Elements of a plane, and of a gradient plane, each with room for a whole vector at the end. */
  readonly planeLength: number;
  readonly gradientLength: number;
  /** Zeros before a gradient: the distance of the farthest tap. */
  readonly lead: number;
  /** A multiple of 8: vectors of two elements that are summed together. */
  readonly tileVectors: number;
  /** Outputs, or phases of channels, whose weights are gathered together. */
  readonly batch: number;
  /** Records of class `Tap` and of class `Phase`. */
  readonly taps: Uint32Array;
  readonly phases: Uint32Array;
}

const F64 = Float64Array.BYTES_PER_ELEMENT;
// what a tile reads from all channels of a group fits the first-level cache
const TILE_BYTES = 1 << 14;
// and its weights fit the second-level cache
const BATCH_WEIGHTS = 1 << 13;

export function pathLayout(convolution: PathConvolution): PathLayout {
  const { groups, inChannels, outChannels, outputSize, kernel, stride, dilation } = convolution;
  const reach = [0, 1].map((axis) => Math.floor(((kernel[axis]! - 1) * dilation[axis]!) / stride[axis]!));
  const [phaseRows, phaseColumns] = [outputSize[0] + reach[0]!, outputSize[1] + reach[1]!];
  const pitch = pitchOf(convolution, phaseColumns);
  const phaseCount = stride[0] * stride[1];
  const lead = reach[0]! * pitch + reach[1]!;
  // one element beyond the rows, and one for an odd length
  const planeLength = (phaseRows - 1) * pitch + phaseColumns + 2;
  const gradientLength = lead + planeLength;
  const taps: FieldsOf<typeof records.tap>[] = [];
  for (let r = 0; r < kernel[0]; r++) {
    for (let c = 0; c < kernel[1]; c++) {
      const [y, x] = [r * dilation[0], c * dilation[1]];
      const shift = Math.floor(y / stride[0]) * pitch + Math.floor(x / stride[1]);
      const phase = (y % stride[0]) * stride[1] + (x % stride[1]);
      const inputBytes = F64 * (phase * planeLength + shift);
      taps.push({ phase, inputBytes, gradientBytes: F64 * (lead - shift) });
    }
  }
  const widest = Math.max(inChannels * phaseCount, outChannels) / groups;
  const tileVectors = 8 * Math.max(1, Math.floor(TILE_BYTES / (8 * 2 * F64 * kernel[0] * widest)));
  const fan = (kernel[0] * kernel[1] * Math.max(inChannels, outChannels)) / groups;
  const most = Math.max(inChannels * phaseCount, outChannels);
  const batch = Math.max(1, Math.min(most, Math.floor(BATCH_WEIGHTS / fan)));
  const places = { pitch, phaseRows, phaseColumns, planeLength, gradientLength, lead };
  const phases = phasesOf(convolution, phaseRows, phaseColumns, pitch);
  return {
    ...places,
    phaseCount,
    tileVectors,
    batch,
    taps: recordArray(records.tap, taps),
    phases: recordArray(records.phase, phases),
  };
}

/** The positions phase, phase + stride, … of a padded axis that are input, not padding. */
function inputOf(convolution: PathConvolution, axis: 0 | 1, phase: number, most: number) {
  const { inputSize, padding, stride } = convolution;
  const first = Math.max(0, Math.ceil((padding[axis] - phase) / stride[axis]));
  const end = Math.min(most, Math.ceil((padding[axis] + inputSize[axis] - phase) / stride[axis]));
  return { first, end, input: first * stride[axis] + phase - padding[axis], count: Math.max(0, end - first) };
}

function phasesOf(
  convolution: PathConvolution,
  phaseRows: number,
  phaseColumns: number,
  pitch: number,
): Partial<FieldsOf<typeof records.phase>>[] {
  const { inputSize, stride } = convolution;
  const phases: Partial<FieldsOf<typeof records.phase>>[] = [];
  for (let a = 0; a < stride[0]; a++) {
    const rows = inputOf(convolution, 0, a, phaseRows);
    for (let b = 0; b < stride[1]; b++) {
      const columns = inputOf(convolution, 1, b, phaseColumns);
      if (rows.count === 0 || columns.count === 0) phases.push({});
      else {
        const firstInput = rows.input * inputSize[1] + columns.input;
        const startBytes = F64 * (rows.first * pitch + columns.first);
        const vectors = ((rows.count - 1) * pitch + columns.count + 1) >> 1;
        phases.push({ rows: rows.count, columns: columns.count, firstInput, startBytes, vectors });
      }
    }
  }
  return phases;
}

/** Distance between rows: the input and the zeros between it and the next row, which neighbours share. */
function pitchOf(convolution: PathConvolution, phaseColumns: number): number {
  let pitch = convolution.outputSize[1];
  for (let phase = 0; phase < convolution.stride[1]; phase++) {
    const { first, end } = inputOf(convolution, 1, phase, phaseColumns);
    pitch = Math.max(pitch, end, phaseColumns - Math.min(first, phaseColumns));
  }
  return pitch;
}
