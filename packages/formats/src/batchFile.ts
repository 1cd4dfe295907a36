/**
 * Examples on disk: safetensors or npz with `x` (`[n, c, h, w]` or `[n, d]`) and `y` (`[n]`, the classes). x is F32
 * and y I64, or convertible to these; conversions are reported.
 */
import { ArgumentError, type Shape } from "@phew/core";
import { type Dtype, elementsOf, type Tensor, type Tensors, toFloat32 } from "./tensor.ts";
import { readTensors } from "./tensorFile.ts";

export interface BatchFile {
  readonly count: number;
  /** Of one example. */
  readonly inputShape: Shape;
  /** Row-major `[count, ...inputShape]`, finite. */
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
  const subject = `${path}: tensor "x"`;
  const x = tensors.get("x");
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
        "F32 of shape [examples, channels, height, width], [examples, channels, depth, height, width], [examples, channels, length] or [examples, features]",
    });
  }
  const [count, ...inputShape] = x.shape as [number, ...number[]];
  const wanted = expected.inputShape;
  if (wanted !== undefined && inputShape.join() !== wanted.join() && !isSequenceOf(wanted, inputShape)) {
    throw new ArgumentError(subject, {
      given: `examples of shape [${inputShape.join(", ")}]`,
      expected: `[${wanted.join(", ")}], the network's input`,
    });
  }
  const notes: string[] = [];
  const values = converted(subject, x, expected.scale, notes);
  const fault = values.findIndex((value) => !Number.isFinite(value));
  if (fault >= 0) {
    throw new ArgumentError(`${subject}, element ${fault}`, {
      given: `${values[fault]}`,
      expected: "a finite number",
    });
  }
  const batch = { count, inputShape, x: values, notes, tensors };
  const y = tensors.get("y");
  if (expected.labelled === false || (y === undefined && expected.labelled !== true)) return batch;
  return { ...batch, y: checkedClasses(`${path}: tensor "y"`, y, count, expected.classCount, notes) };
}

function converted(subject: string, x: Tensor, scale: number | undefined, notes: string[]): Float32Array {
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
  if (x.dtype !== "F32") notes.push(`x was converted from ${x.dtype} to float32.`);
  if (scale === undefined || scale === 1) return values;
  notes.push(`x was multiplied by ${scale}.`);
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
