/**
 * Examples on disk: safetensors or npz with `x` (`[n, c, h, w]` or `[n, d]`) and `y` (`[n]`, the classes). x is F32
 * and y I64, or convertible to these; conversions are reported.
 */
import { ArgumentError, type Shape } from "@phew/core";
import { type ModelInput, networkExamples } from "./modelInput.ts";
import { type Dtype, elementsOf, type Tensor, type Tensors, toFloat32 } from "./tensor.ts";
import { readTensors } from "./tensorFile.ts";

export interface BatchFile {
  readonly count: number;
  /** Of one example; of several inputs `[elements]`. */
  readonly inputShape: Shape;
  /** Row-major `[count, ...inputShape]`, finite; in the network's order. */
  readonly x: Float32Array;
  /** Class of each example, length `count`; absent if the file has none. */
  readonly y?: Int32Array;
  /** Conversions, one sentence each. */
  readonly notes: readonly string[];
  /** All that the file holds. */
  readonly tensors: Tensors;
}

export interface BatchExpectations {
  /** Shape of one example. */
  readonly inputShape?: Shape | undefined;
  /** The network's inputs as its file has them; absent: one of `inputShape`. */
  readonly inputs?: readonly ModelInput[] | undefined;
  /** Classes are 0 … classCount − 1. */
  readonly classCount?: number | undefined;
  /** True: a file without `y` is an error. False: `y` is ignored. */
  readonly labelled?: boolean | undefined;
  /** Factor of x; required for whole numbers. */
  readonly scale?: number | undefined;
}

const FLOATS: readonly Dtype[] = ["F32", "F64", "F16", "BF16"];
const WHOLE: readonly Dtype[] = ["U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"];

/** @throws ArgumentError if `x` or `y` is missing, of another type or shape, not finite, or out of range */
export async function readBatch(path: string, expected: BatchExpectations = {}): Promise<BatchFile> {
  const { tensors } = await readTensors(path);
  const notes: string[] = [];
  const inputs = expected.inputs ?? [{ name: undefined, shape: expected.inputShape }];
  const given = inputs.map((input) =>
    readInput(path, tensors, input, inputs.length > 1, expected.scale, notes),
  );
  const [{ count, shape }, ...others] = given as [GivenInput, ...GivenInput[]];
  const odd = others.findIndex((other) => other.count !== count);
  if (odd >= 0) {
    throw new ArgumentError(`${path}: tensor "${inputs[odd + 1]!.name}"`, {
      given: `${others[odd]!.count} examples`,
      expected: `${count}, as of "${inputs[0]!.name}"`,
    });
  }
  const values = given.map((input) => input.values);
  const x = expected.inputs === undefined ? values[0]! : networkExamples(expected.inputs, values, count);
  const inputShape = others.length === 0 ? shape : [x.length / count];
  const batch = { count, inputShape, x, notes, tensors };
  const y = tensors.get("y");
  if (expected.labelled === false || (y === undefined && expected.labelled !== true)) return batch;
  return { ...batch, y: checkedClasses(`${path}: tensor "y"`, y, count, expected.classCount, notes) };
}

interface GivenInput {
  readonly count: number;
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** @param isNamed true: only the tensor with the input's name is it; false: x, or that */
function readInput(
  path: string,
  tensors: Tensors,
  { name, shape: wanted, table }: Pick<ModelInput, "name" | "table"> & { readonly shape: Shape | undefined },
  isNamed: boolean,
  scale: number | undefined,
  notes: string[],
): GivenInput {
  const own = name !== undefined && (isNamed || !tensors.has("x")) && (isNamed || tensors.has(name));
  const title = own ? name : "x";
  const subject = `${path}: tensor "${title}"`;
  const x = tensors.get(title);
  const isUsable = x !== undefined && [...FLOATS, ...WHOLE].includes(x.dtype) && x.shape.length >= 2;
  if (isUsable && x.shape[0] === 0) {
    throw new ArgumentError(subject, {
      given: `no example (${describe(x)})`,
      expected: "at least one",
      remedy: "Save a batch with examples in it.",
    });
  }
  if (!isUsable) {
    throw new ArgumentError(subject, {
      given:
        x === undefined ? `none (there are: ${[...tensors.keys()].slice(0, 5).join(", ")})` : describe(x),
      expected:
        wanted === undefined || !isNamed
          ? "F32 of shape [examples, channels, height, width], [examples, channels, depth, height, width], [examples, channels, length] or [examples, features]"
          : `F32 of shape [examples, ${wanted.join(", ")}], an input of the network`,
    });
  }
  const [count, ...shape] = x.shape as [number, ...number[]];
  if (wanted !== undefined && shape.join() !== wanted.join() && !isSequenceOf(wanted, shape)) {
    throw new ArgumentError(subject, {
      given: `examples of shape [${shape.join(", ")}]`,
      expected: `[${wanted.join(", ")}], the network's input`,
    });
  }
  // rows of a table are taken as they are
  const values = table === undefined ? converted(subject, title, x, scale, notes) : toFloat32(x);
  const fault = values.findIndex((value) => !Number.isFinite(value));
  if (fault >= 0) {
    throw new ArgumentError(`${subject}, element ${fault}`, {
      given: `${values[fault]}`,
      expected: "a finite number",
    });
  }
  return { count, shape, values };
}

function converted(
  subject: string,
  title: string,
  x: Tensor,
  scale: number | undefined,
  notes: string[],
): Float32Array {
  const isWhole = WHOLE.includes(x.dtype);
  if (isWhole && scale === undefined) {
    throw new ArgumentError(subject, {
      given: `whole numbers (${x.dtype})`,
      expected: "numbers in the range that the network was trained on",
      remedy:
        "Give phew predict --scale 1/255 for 0 … 1, or --scale 1 to take them as they are; or save x scaled, as float32.",
    });
  }
  const values = toFloat32(x);
  if (x.dtype !== "F32") notes.push(`${title} was converted from ${x.dtype} to float32.`);
  if (scale === undefined || scale === 1) return values;
  notes.push(`${title} was multiplied by ${scale}.`);
  return values.map((value) => value * scale);
}

function checkedClasses(
  subject: string,
  y: Tensor | undefined,
  count: number,
  classCount: number | undefined,
  notes: string[],
) {
  // one column of classes is accepted like a row
  const isRow = y?.shape.length === 1 || (y?.shape.length === 2 && y.shape[1] === 1);
  if (y === undefined || !WHOLE.includes(y.dtype) || !isRow || y.shape[0] !== count) {
    throw new ArgumentError(subject, {
      given: y === undefined ? "none" : describe(y),
      expected: `I64 of shape [${count}], the class of each example`,
    });
  }
  if (y.dtype !== "I64") notes.push(`y was converted from ${y.dtype} to int64.`);
  const elements = elementsOf(y);
  const limit = classCount ?? 2 ** 31;
  // numbers beyond 2^53 are out of range whatever their last digits
  return Int32Array.from({ length: count }, (_, k) => {
    const value = Number(elements[k]);
    if (value < 0 || value >= limit) {
      throw new ArgumentError(`${subject}, element ${k}`, {
        given: `class ${value}`,
        expected: classCount === undefined ? "a whole number of at least 0" : `0 … ${classCount - 1}`,
      });
    }
    return value;
  });
}

/** True for `[channels, length]`, which a network has as an image of one row. */
const isSequenceOf = (
  [channels, rows, length, ...more]: readonly number[],
  given: readonly number[],
): boolean => rows === 1 && more.length === 0 && given.join() === `${channels},${length}`;

const describe = (tensor: Tensor): string => `${tensor.dtype} of shape [${tensor.shape.join(", ")}]`;
