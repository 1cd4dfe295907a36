/** What the oracle knows of an operation: each is one object in a file of this folder. */
import type { ForwardOptions, Parameters } from "../numbers.ts";

type Shape = readonly number[];

export interface OracleOperation<Op> {
  /** Shape of the value without the batch axis. */
  shape(op: Op, inputs: readonly Shape[]): Shape;
  /** The value, row-major `[count, ...shape]`. */
  value(op: Op, task: Task): Float64Array;
  /** The steps of paths into an element of the value. */
  paths(op: Op, place: Place): Strand[];
  /** Which units walks go on to, and come from; absent where unit u of the value is unit u of each input. */
  readonly units?: {
    /** The units of the value that units of input `slot` become. */
    on(op: Op, units: readonly Followed[], at: Shapes & { readonly slot: number }): Followed[];
    /** The units of the inputs, each with its slot, that a unit of the value is made of. */
    back(op: Op, unit: number, at: Shapes): (readonly [slot: number, unit: number])[];
  };
}

export interface Shapes {
  readonly shape: Shape;
  readonly inputShapes: readonly Shape[];
}

/** One node, computed for a batch. */
export interface Task extends Shapes {
  readonly name: string;
  readonly inputs: readonly Float64Array[];
  readonly parameters: Parameters;
  readonly count: number;
  readonly options: ForwardOptions;
  /** Running means and variances after this batch, by parameter name. */
  readonly running: Map<string, Float64Array>;
}

/** An element of a node's value, and what is needed to list the steps into it. */
export interface Place extends Shapes {
  readonly element: number;
  readonly unit: number;
  /** Elements of a unit. */
  readonly plane: number;
  /** Values of the inputs where every element of the network's input is 1 and only paths count. */
  readonly values: readonly (readonly number[])[];
  readonly parameters: Parameters;
  readonly power: 1 | 2;
}

/** A step of a path into an element: from an element of an input, over at most one parameter. */
export interface Strand {
  /** Which input; the first if absent. */
  readonly slot?: number;
  readonly element: number;
  readonly factor: number;
  readonly parameter?: { readonly name: string; readonly index: number } | undefined;
}

/** A unit of a value, and the feature of the followed unit that it holds. */
export interface Followed {
  readonly unit: number;
  /** "" for the unit itself. */
  readonly feature: string;
}

/** The element of the first input in the same place. */
export const unchanged = (_: unknown, { element }: Place): Strand[] => [{ element, factor: 1 }];

/** Shape of the first input. */
export const sameShape = (_: unknown, [first]: readonly Shape[]): Shape => first!;

/** One parameter, present and of the right length. */
export function parameter({ parameters }: Task, name: string, length: number): ArrayLike<number> {
  const values = parameters.get(name);
  if (values?.length !== length)
    throw new Error(`${values?.length} values for "${name}", expected ${length}`);
  return values;
}
