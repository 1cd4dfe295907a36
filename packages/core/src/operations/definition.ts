/** What every operation of a network tells about itself; one file each in this folder, listed in registry.ts. */
import { type PlaneRepeats, type RepeatsThrough, throughMeeting } from "./repeats.ts";
import type { Shape } from "./shape.ts";

interface Role {
  /** What PyTorch's modules call such a parameter. */
  readonly torchName: string;
  /** What it does to the output, last of all: a constant that comes behind it can be taken up by it. */
  readonly affine?: "factor" | "shift";
  /** What it is where a module has none. Absent: every module has it. */
  readonly neutral?: number;
}

/** What parameters are for. Only `weight` is prunable. */
const roles = {
  weight: { torchName: "weight", affine: "factor" },
  bias: { torchName: "bias", affine: "shift", neutral: 0 },
  scale: { torchName: "weight", affine: "factor", neutral: 1 },
  shift: { torchName: "bias", affine: "shift", neutral: 0 },
  mean: { torchName: "running_mean" },
  variance: { torchName: "running_var" },
  slope: { torchName: "weight" },
} satisfies Readonly<Record<string, Role>>;

export type ParameterRole = keyof typeof roles;
export const PARAMETER_ROLES: Readonly<Record<ParameterRole, Role>> = roles;

/** A named tensor of a network, in PyTorch's layout (conv `[out, in/groups, kh, kw]`, dense `[out, in]`). */
export interface Parameter {
  /** The file's own name, such as `layer2.0.conv1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /** False for running statistics, which follow the data; what is trained follows its gradient. */
  readonly trained: boolean;
  /** What all its numbers start as; `drawn`: random, by its fans. */
  readonly initial: number | "drawn";
  /** The least that its numbers may be; absent: any finite number will do. */
  readonly least?: number;
  /** The axis that counts the units of the output; undefined where its numbers are those of no single unit. */
  readonly unitAxis: 0 | undefined;
  /** True where it is added to a value, so that it is measured as the value is, and gives a unit of zeros an output. */
  readonly added: boolean;
}

/**
 * How an operation without weights carries units: unit `fromStart + i` of the input (0 ≤ i < count) becomes the
 * units `toStart + i·spread … toStart + i·spread + spread − 1` of the output. Spread is above 1 for flatten and opaque parts alone.
 */
export interface UnitMap {
  readonly input: number;
  readonly fromStart: number;
  readonly count: number;
  readonly toStart: number;
  readonly spread: number;
  /** True where any of the `spread` units is made of all units of the input, so that none is a feature of one of them. */
  readonly mixes?: true;
}

/** The weights of an operation as edges between units; kernels have `kernelSize` edges each. */
export interface WeightedUnits {
  /** Name of the weight; layout `[outCount, inCount / groups, kernelSize]`, row-major. */
  readonly weight: string;
  readonly outCount: number;
  readonly inCount: number;
  readonly groups: number;
  readonly kernelSize: number;
  /**
   * For each weight of a kernel, row-major, the number of output places at which it counts.
   * @param padding counts places at which it meets padding too
   */
  readonly placesByTap: (padding: boolean) => readonly number[];
}

/** The units that stay where others are cut out, ascending. */
export interface KeptUnits {
  readonly output: Uint32Array;
  /** One list an input. */
  readonly inputs: readonly Uint32Array[];
}

/** What one step of a path sum reads: see analysis/pathSums.ts for what is summed. */
export interface PathSumInputs {
  /** One array an input, row-major over its shape. */
  readonly inputs: readonly Float64Array[];
  /** Shapes without the rows and columns that are left out: see repeats.ts. */
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** 1: parameters count by their magnitude; 2: by their square. */
  readonly power: 1 | 2;
  /** A weight as it stands, row-major, to be transformed (|w| or w²) where it is used: no copy of a large layer. */
  weight(name: string): Float32Array;
  /** A bias or a parameter of batch normalisation, transformed; of power 2 a mean or variance is as it is. */
  theta(name: string): Float64Array;
  /** 1 where a weight is kept, 0 where it counts as 0; undefined where all are kept. */
  kept(name: string): Uint8Array | undefined;
  /** True where biases, shifts and means take part (SynFlow), false where only paths count. */
  readonly biases: boolean;
}

export interface PathSumGradients {
  /** ∂R/∂input, one array an input. */
  readonly inputs: readonly Float64Array[];
  /** ∂R/∂θ of this operation's own parameters, by name; 0 for removed weights. */
  readonly parameters: ReadonlyMap<string, Float64Array>;
}

export interface OperationDefinition<Op extends { readonly kind: string }> {
  readonly kind: Op["kind"];
  /** Least and greatest number of inputs. */
  readonly arity: readonly [number, number];
  /** The parameters it reads, with the shapes they must have. @throws ArgumentError naming `node` */
  parameters(op: Op, inputs: readonly Shape[], node: string): readonly Parameter[];
  /** The shape of its output. @throws ArgumentError naming `node` where the inputs do not fit */
  shape(op: Op, inputs: readonly Shape[], node: string): Shape;
  /** How units pass: along weights, or unchanged. */
  units(op: Op, inputs: readonly Shape[], output: Shape): WeightedUnits | readonly UnitMap[];
  /** True where units of 0 stay 0, so long as what is {@link Parameter.added} to them is 0. */
  keepsZero(op: Op): boolean;
  /**
   * True where a unit is 0 for every input with these weights. Absent: where it keeps zeros, all that the unit comes of
   * is 0, and so is all that is added to it.
   * @param comesOfZeros whether all that the unit comes of is 0
   */
  makesZero?(op: Op, weight: (name: string) => Float32Array, unit: number, comesOfZeros: boolean): boolean;
  /** True where no number that it gives is below 0. @param inputs the same of what it reads */
  isNonNegative(op: Op, inputs: readonly boolean[]): boolean;
  /** True where units of its inputs are added up: an identity shortcut into it is not walked. */
  readonly adds: boolean;
  /**
   * The operation on fewer units, of the same parameters without those of the units that go; undefined where it may do
   * other things to fewer, so that all units that it reads and gives stay.
   * @param inputs shapes before anything was cut
   */
  shrink(op: Op, inputs: readonly Shape[]): ((kept: KeptUnits) => Op) | undefined;
  /** What is taken to be so of the way that paths go through it, but not known; a clause. Undefined where all is known. */
  assumes(op: Op, inputCount: number): string | undefined;
  /** What it is called in tables and messages; absent: its kind. */
  label?(op: Op): string;
  /**
   * Which rows and columns of its output are equal by those of its inputs, and which of them it needs not read in a path
   * sum. Absent: it reads all of every input, and all of its output is computed.
   */
  repeats?(op: Op, inputs: readonly PlaneRepeats[], output: Shape): RepeatsThrough;
  /** One image through the linear network of path sums; float64. */
  pathForward(op: Op, given: PathSumInputs): Float64Array;
  /** The way back: gradients of the summed output. `output` is what pathForward gave. */
  pathBackward(op: Op, given: PathSumInputs, output: Float64Array, gradient: Float64Array): PathSumGradients;
}

export const NO_PARAMETERS: readonly Parameter[] = [];
export const NO_GRADIENTS: ReadonlyMap<string, Float64Array> = new Map();

/** A bias, one number a unit. */
export const biasParameter = (name: string, count: number): Parameter => ({
  name,
  shape: [count],
  role: "bias",
  trained: true,
  initial: 0,
  unitAxis: 0,
  added: true,
});

/** For operations that say nothing about numbers of units. */
export const SHRINKS_AS_IT_IS =
  <Op>(op: Op) =>
  (): Op =>
    op;

export const ASSUMES_NOTHING = (): undefined => undefined;

/** What operations on each element of one value have in common. */
export const ON_EACH_ELEMENT = {
  arity: [1, 1],
  shape: (_op: unknown, inputs: readonly Shape[]) => inputs[0]!,
  units: (_op: unknown, inputs: readonly Shape[]) => unitsUnchanged(inputs),
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  repeats: (_op: unknown, inputs: readonly PlaneRepeats[]) => throughMeeting(inputs),
} as const;

/** Every unit of input 0 becomes the same unit of the output. */
export function unitsUnchanged(inputs: readonly Shape[]): readonly UnitMap[] {
  return inputs.map((shape, input) => ({ input, fromStart: 0, count: shape[0]!, toStart: 0, spread: 1 }));
}
