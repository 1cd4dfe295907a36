/** Operations that make one number of several positions of a unit. */
import { sizeOf } from "../shapes.ts";
import { type PlaceTerms, termsOf, type Window, windowCounts, windowOf, withPadding } from "../windows.ts";
import type { OracleOperation, Task } from "./operation.ts";

export interface MaxPool2d extends Window {
  readonly kind: "maxPool2d";
  readonly ceil?: boolean;
}

export interface AveragePool2d extends Window {
  readonly kind: "averagePool2d";
  readonly countPadding: boolean;
  readonly ceil?: boolean;
}

export const maxPool2d: OracleOperation<MaxPool2d> = {
  shape: (op, [first]) => [first![0]!, ...windowCounts(op, first!, op.ceil ?? false)],
  value: (op, task) => pooled(op, task, (inside) => Math.max(...inside)),
  paths: (op, { inputShapes, shape, values, element, unit }) => {
    const [, height, width] = inputShapes[0] as [number, number, number];
    return greatestOf(
      values[0]!,
      windowOf(op, inputShapes[0]!, shape, element).map(({ position }) => unit * height * width + position),
    );
  },
};

export const averagePool2d: OracleOperation<AveragePool2d> = {
  shape: (op, [first]) => [first![0]!, ...windowCounts(op, first!, op.ceil ?? false)],
  value: (op, task) =>
    pooled(op, task, (inside, paddedCount) => {
      return inside.reduce((sum, v) => sum + v, 0) / (op.countPadding ? paddedCount : inside.length);
    }),
  paths: (op, { inputShapes, shape, element, unit }) => {
    const [, height, width] = inputShapes[0] as [number, number, number];
    const inside = windowOf(op, inputShapes[0]!, shape, element);
    const unpadded = { ...op, padding: [0, 0, 0, 0] } as const;
    const padded = windowOf(unpadded, withPadding(op, inputShapes[0]!), shape, element);
    const factor = 1 / (op.countPadding ? padded : inside).length;
    return inside.map(({ position }) => ({ element: unit * height * width + position, factor }));
  },
};

export const globalAveragePool: OracleOperation<{ readonly kind: "globalAveragePool" }> = {
  shape: (_, [first]) => [first![0]!],
  value: (_, task) => {
    const [channels, ...lengths] = task.inputShapes[0] as [number, ...number[]];
    const x = task.inputs[0]!;
    const plane = sizeOf(lengths);
    return Float64Array.from({ length: task.count * channels }, (_, c) => {
      let sum = 0;
      for (let k = 0; k < plane; k++) sum += x[c * plane + k]!;
      return sum / plane;
    });
  },
  paths: (_, { inputShapes, element }) => {
    const size = sizeOf(inputShapes[0]!) / inputShapes[0]![0]!;
    return Array.from({ length: size }, (_, k) => ({ element: element * size + k, factor: 1 / size }));
  },
};

export const maxOver: OracleOperation<{ readonly kind: "maxOver"; readonly axes: PlaceTerms }> = {
  shape: ({ axes }, [first]) => [first![0]!, ...axes.map(({ places }) => places.length)],
  value: (op, task) => {
    const [lengths, outLengths] = [task.inputShapes[0]!.slice(1), task.shape.slice(1)];
    const size = sizeOf(outLengths);
    return Float64Array.from({ length: task.count * sizeOf(task.shape) }, (_, k) => {
      const first = Math.floor(k / size) * sizeOf(lengths);
      const terms = termsOf(op.axes, lengths, outLengths, k % size);
      return Math.max(...terms.map(({ position }) => task.inputs[0]![first + position]!));
    });
  },
  paths: (op, { inputShapes, shape, values, element, unit, plane }) => {
    const lengths = inputShapes[0]!.slice(1);
    const terms = termsOf(op.axes, lengths, shape.slice(1), element % plane);
    return greatestOf(
      values[0]!,
      terms.map(({ position }) => unit * sizeOf(lengths) + position),
    );
  },
};

/** The first of the elements with the greatest value. */
function greatestOf(values: readonly number[], inside: readonly number[]) {
  const most = Math.max(...inside.map((at) => values[at]!));
  return [{ element: inside.find((at) => values[at] === most)!, factor: 1 }];
}

/** @param combine makes one number of the elements inside the image; beside them the count with those of the padding */
function pooled(
  op: Window,
  task: Task,
  combine: (inside: readonly number[], paddedCount: number) => number,
): Float64Array {
  const [channels, height, width] = task.inputShapes[0] as [number, number, number];
  const [, outHeight, outWidth] = task.shape as [number, number, number];
  const x = task.inputs[0]!;
  const y: number[] = [];
  for (let plane = 0; plane < task.count * channels; plane++) {
    for (let p = 0; p < outHeight; p++) {
      for (let q = 0; q < outWidth; q++) {
        const inside: number[] = [];
        // elements of the window in the input or its padding: the divisor with countPadding
        let paddedCount = 0;
        for (let r = 0; r < op.kernel[0]; r++) {
          const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
          for (let s = 0; s < op.kernel[1]; s++) {
            const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
            if (row >= height + op.padding[2] || column >= width + op.padding[3]) continue;
            paddedCount++;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            inside.push(x[(plane * height + row) * width + column]!);
          }
        }
        y.push(combine(inside, paddedCount));
      }
    }
  }
  return Float64Array.from(y);
}
