/** What every operation of a network declares; one file each in this folder, listed in registry.ts. */
import { type PlaneRepeats, type RepeatsThrough, throughMeeting } from "./repeats.ts";
import type { Shape } from "./shape.ts";

interface Role {
  /** Its name in PyTorch's modules. */
  readonly torchName: string;
  /**
   * Set if it is the last step of the output: a constant factor or shift behind the operation can be merged into it.
   */
  readonly affine?: "factor" | "shift";
  /** Its value in modules that lack it. Absent: every module has it. */
  readonly neutral?: number;
}

/** Roles of parameters. Only `weight` is prunable. */
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
  /** False for running statistics, which follow the data; trained parameters follow their gradients. */
  readonly trained: boolean;
  /** Initial value of all elements; `drawn`: random, by fan-in and fan-out. */
  readonly initial: number | "drawn";
  /** Least allowed value; absent: any finite number. */
  readonly least?: number;
  /** The axis of the output's units; undefined if elements do not belong to single units. */
  readonly unitAxis: 0 | undefined;
  /** True if it is added to a value: it scales with the value in path sums, and makes a unit of zeros nonzero. */
  readonly added: boolean;
}

/**
 * How an operation without weights maps units: unit `fromStart + i` of the input (0 ≤ i < count) becomes the units
 * `toStart + i·spread … toStart + i·spread + spread − 1` of the output. Only operations that read positions as units
 * (flatten, rearrange, attention) and opaque operations have a spread above 1; its units are features of the input unit, in
 * their order, unless it mixes.
 */
export interface UnitMap {
  readonly input: number;
  readonly fromStart: number;
  readonly count: number;
  readonly toStart: number;
  readonly spread: number;
  /**
   * True if each of the `spread` units depends on all elements of the input unit, so that none is a single feature of
   * it.
   */
  readonly mixes?: true;
  /** True if the input's unit may stay where the output's unit is removed: it is an input of several units. */
  readonly stays?: true;
  /**
   * Set where each of the units has a part of the positions of an input unit, that is one of its `of` features: feature
   * `at`. Then `spread` is 1.
   */
  readonly feature?: { readonly of: number; readonly at: number } | undefined;
}

/** The weights of an operation as edges between units; each kernel has `kernelSize` edges. */
export interface WeightedUnits {
  /** Name of the weight; layout `[outCount, inCount / groups, kernelSize]`, row-major. */
  readonly weight: string;
  readonly outCount: number;
  readonly inCount: number;
  readonly groups: number;
  readonly kernelSize: number;
  /**
   * For each weight of a kernel, row-major, the number of output positions that use it.
   * @param padding also counts positions at which it meets padding
   */
  readonly placesByTap: (padding: boolean) => readonly number[];
}

/** The units that stay when others are removed, ascending. */
export interface KeptUnits {
  readonly output: Uint32Array;
  /** One list per input. */
  readonly inputs: readonly Uint32Array[];
}

/** The arguments of a path sum's step: see analysis/pathSums.ts. */
export interface PathSumInputs {
  /** One array per input, row-major over its shape. */
  readonly inputs: readonly Float64Array[];
  /** Shapes without the rows and columns that are left out: see repeats.ts. */
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** 1: parameters count by magnitude; 2: by square. */
  readonly power: 1 | 2;
  /** A weight, row-major and untransformed: the reader takes |w| or w², which saves a copy of a large layer. */
  weight(name: string): Float32Array;
  /** A bias or a parameter of batch normalisation, transformed; with power 2 mean and variance are unchanged. */
  theta(name: string): Float64Array;
  /** 1 for kept weights, 0 for removed ones; undefined if all are kept. */
  kept(name: string): Uint8Array | undefined;
  /** True: biases, shifts and means take part (SynFlow); false: paths only. */
  readonly biases: boolean;
}

export interface PathSumGradients {
  /** ∂R/∂input, one array per input. */
  readonly inputs: readonly Float64Array[];
  /** ∂R/∂θ of this operation's own parameters, by name; 0 for removed weights. */
  readonly parameters: ReadonlyMap<string, Float64Array>;
}

export interface OperationDefinition<Op extends { readonly kind: string }> {
  readonly kind: Op["kind"];
  /** Least and greatest number of inputs. */
  readonly arity: readonly [number, number];
  /** Its parameters with the shapes they must have. @throws ArgumentError naming `node` */
  parameters(op: Op, inputs: readonly Shape[], node: string): readonly Parameter[];
  /** The shape of its output. @throws ArgumentError naming `node` if the inputs do not fit */
  shape(op: Op, inputs: readonly Shape[], node: string): Shape;
  /** How units pass: along weights, or unchanged. */
  units(op: Op, inputs: readonly Shape[], output: Shape): WeightedUnits | readonly UnitMap[];
  /** True if zero units stay zero, provided that what is {@link Parameter.added} to them is 0. */
  keepsZero(op: Op): boolean;
  /**
   * True if each unit of its output depends on all units of its input, though paths pass each straight; false if on those
   * alone that {@link units} maps to it, or that its weights read.
   */
  couples(op: Op): boolean;
  /** True if a unit of its output is 0 as soon as one of those that feed it is. Absent: all of them have to be. */
  readonly multiplies?: true;
  /**
   * True if a unit is 0 for every input with these weights. Absent: it is 0 if the operation keeps zeros, all units
   * that feed it are 0, and so is what is added to it.
   * @param comesOfZeros whether all units that feed it are 0
   */
  makesZero?(op: Op, weight: (name: string) => Float32Array, unit: number, comesOfZeros: boolean): boolean;
  /** True if its output is never negative. @param inputs the same for each input */
  isNonNegative(op: Op, inputs: readonly boolean[]): boolean;
  /** True if it adds units of its inputs: an identity shortcut into it is not walked. */
  readonly adds: boolean;
  /**
   * Makes the operation on fewer units, with the parameters of the units that stay. Undefined if the function would
   * change: then all its input and output units stay.
   * @param inputs shapes before the removal
   */
  shrink(op: Op, inputs: readonly Shape[]): ((kept: KeptUnits) => Op) | undefined;
  /** An assumption about how paths pass through it; a clause. Undefined if nothing is assumed. */
  assumes(op: Op, inputCount: number): string | undefined;
  /** Its name in tables and messages; absent: its kind. */
  label?(op: Op): string;
  /**
   * Which rows and columns of its output are equal because those of its inputs are, and which inputs it need not read
   * in a path sum. Absent: it reads all of every input and computes all of its output.
   * @param shapes of the inputs
   */
  repeats?(op: Op, inputs: readonly PlaneRepeats[], output: Shape, shapes: readonly Shape[]): RepeatsThrough;
  /** Forward step of a path sum for one image; float64. */
  pathForward(op: Op, given: PathSumInputs): Float64Array;
  /** Backward step: gradients of the summed output. `output` is the result of pathForward. */
  pathBackward(op: Op, given: PathSumInputs, output: Float64Array, gradient: Float64Array): PathSumGradients;
}

export const NO_PARAMETERS: readonly Parameter[] = [];
export const NO_GRADIENTS: ReadonlyMap<string, Float64Array> = new Map();

/** A bias, one element per unit. */
export const biasParameter = (name: string, count: number): Parameter => ({
  name,
  shape: [count],
  role: "bias",
  trained: true,
  initial: 0,
  unitAxis: 0,
  added: true,
});

/** For operations that do not depend on the number of units. */
export const SHRINKS_AS_IT_IS =
  <Op>(op: Op) =>
  (): Op =>
    op;

export const ASSUMES_NOTHING = (): undefined => undefined;

/** Fields common to elementwise operations of one value. */
export const ON_EACH_ELEMENT = {
  arity: [1, 1],
  shape: (_op: unknown, inputs: readonly Shape[]) => inputs[0]!,
  units: (_op: unknown, inputs: readonly Shape[]) => unitsUnchanged(inputs),
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  repeats: (_op: unknown, inputs: readonly PlaneRepeats[]) => throughMeeting(inputs),
} as const;

/** For poolings: a number for each window of a unit, or for its whole plane. */
export const POOLS = {
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  units: (_op: unknown, inputs: readonly Shape[]) => unitsUnchanged(inputs),
  keepsZero: () => true,
  isNonNegative: (_op: unknown, [input]: readonly boolean[]) => input!,
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
} as const;

/** Every unit of input 0 becomes the same unit of the output. */
export function unitsUnchanged(inputs: readonly Shape[]): readonly UnitMap[] {
  return inputs.map((shape, input) => ({ input, fromStart: 0, count: shape[0]!, toStart: 0, spread: 1 }));
}
