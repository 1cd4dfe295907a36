/** Examples on disk: safetensors or npz with `x` (F32, `[n, c, h, w]` or `[n, d]`) and `y` (I64, `[n]`, the classes). */
import { ArgumentError, type Shape } from "@phew/core";
import { elementsOf, type Tensor, toFloat32 } from "./tensor.ts";
import { readTensors } from "./tensorFile.ts";

export interface BatchFile {
  readonly count: number;
  /** Of one example. */
  readonly inputShape: Shape;
  /** Row-major `[count, ...inputShape]`, finite. */
  readonly x: Float32Array;
  /** Class of each example, length `count`; absent where the file has none. */
  readonly y?: Int32Array;
}

export interface BatchExpectations {
  /** Shape of one example. */
  readonly inputShape?: Shape;
  /** Classes are 0 … classCount − 1. */
  readonly classCount?: number;
  /** True: a file without `y` is an error. */
  readonly labelled?: boolean;
}

/** @throws ArgumentError where `x` or `y` is missing, of another type or shape, not finite, or out of range */
export async function readBatch(path: string, expected: BatchExpectations = {}): Promise<BatchFile> {
  const { tensors } = await readTensors(path);
  const x = tensors.get("x");
  if (x === undefined || x.dtype !== "F32" || x.shape.length < 2 || x.shape[0] === 0) {
    throw new ArgumentError(`${path}: tensor "x"`, {
      given:
        x === undefined ? `none (there are: ${[...tensors.keys()].slice(0, 5).join(", ")})` : describe(x),
      expected: "F32 of shape [examples, channels, height, width] or [examples, features]",
    });
  }
  const [count, ...inputShape] = x.shape as [number, ...number[]];
  const wanted = expected.inputShape;
  if (
    wanted !== undefined &&
    (wanted.length !== inputShape.length || wanted.some((n, i) => n !== inputShape[i]))
  ) {
    throw new ArgumentError(`${path}: tensor "x"`, {
      given: `examples of shape [${inputShape.join(", ")}]`,
      expected: `[${wanted.join(", ")}], the network's input`,
    });
  }
  const values = toFloat32(x);
  const fault = values.findIndex((value) => !Number.isFinite(value));
  if (fault >= 0) {
    throw new ArgumentError(`${path}: tensor "x", element ${fault}`, {
      given: `${values[fault]}`,
      expected: "a finite number",
    });
  }
  const y = tensors.get("y");
  if (y === undefined && expected.labelled !== true) return { count, inputShape, x: values };
  return {
    count,
    inputShape,
    x: values,
    y: checkedClasses(`${path}: tensor "y"`, y, count, expected.classCount),
  };
}

function checkedClasses(
  subject: string,
  y: Tensor | undefined,
  count: number,
  classCount: number | undefined,
) {
  if (y === undefined || y.dtype !== "I64" || y.shape.length !== 1 || y.shape[0] !== count) {
    throw new ArgumentError(subject, {
      given: y === undefined ? "none" : describe(y),
      expected: `I64 of shape [${count}], the class of each example`,
    });
  }
  const classes = elementsOf(y) as BigInt64Array;
  const limit = classCount ?? 2 ** 31;
  return Int32Array.from(classes, (value, k) => {
    if (value < 0n || value >= limit) {
      throw new ArgumentError(`${subject}, element ${k}`, {
        given: `class ${value}`,
        expected: classCount === undefined ? "a whole number of at least 0" : `0 … ${classCount - 1}`,
      });
    }
    return Number(value);
  });
}

const describe = (tensor: Tensor): string => `${tensor.dtype} of shape [${tensor.shape.join(", ")}]`;
