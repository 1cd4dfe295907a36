/** Operations with prunable weights. */

import { sizeOf } from "../shapes.ts";
import {
  type VolumeWindow,
  volumeCounts,
  volumeTaps,
  type Window,
  windowCounts,
  windowOf,
} from "../windows.ts";
import { type OracleOperation, parameter, type Task } from "./operation.ts";

export interface Weighted {
  readonly weight: string;
  readonly bias?: string;
}

export interface Dense extends Weighted {
  readonly kind: "dense";
  readonly outFeatures: number;
}

export interface Conv2d extends Weighted, Window {
  readonly kind: "conv2d";
  readonly outChannels: number;
  readonly groups: number;
}

export interface Conv3d extends Weighted, VolumeWindow {
  readonly kind: "conv3d";
  readonly outChannels: number;
  readonly groups: number;
}

export const dense: OracleOperation<Dense> = {
  shape: ({ outFeatures }, [first]) => [outFeatures, ...first!.slice(1)],
  value: denseValue,
  paths: ({ weight }, { inputShapes, element, plane, unit }) => {
    const inCount = inputShapes[0]![0]!;
    return Array.from({ length: inCount }, (_, i) => ({
      element: i * plane + (element % plane),
      factor: 1,
      parameter: { name: weight, index: unit * inCount + i },
    }));
  },
};

export const conv2d: OracleOperation<Conv2d> = {
  shape: (op, [first]) => [op.outChannels, ...windowCounts(op, first!, false)],
  value: convolution,
  paths: (op, { inputShapes, shape, element, unit }) => {
    const [inCount, height, width] = inputShapes[0] as [number, number, number];
    const inPerGroup = inCount / op.groups;
    const firstChannel = Math.floor(unit / (op.outChannels / op.groups)) * inPerGroup;
    const taps = op.kernel[0] * op.kernel[1];
    return Array.from({ length: inPerGroup }, (_, i) =>
      windowOf(op, inputShapes[0]!, shape, element).map(({ tap, position }) => ({
        element: (firstChannel + i) * height * width + position,
        factor: 1,
        parameter: { name: op.weight, index: (unit * inPerGroup + i) * taps + tap },
      })),
    ).flat();
  },
};

export const conv3d: OracleOperation<Conv3d> = {
  shape: (op, [first]) => [op.outChannels, ...volumeCounts(op, first!)],
  value: volumeConvolution,
  paths: (op, { inputShapes, shape, element, unit, plane }) => {
    const [inCount, ...lengths] = inputShapes[0] as [number, ...number[]];
    const inPerGroup = inCount / op.groups;
    const firstChannel = Math.floor(unit / (op.outChannels / op.groups)) * inPerGroup;
    return Array.from({ length: inPerGroup }, (_, i) =>
      volumeTaps(op, lengths, shape.slice(1), element % plane).map(({ tap, position }) => ({
        element: (firstChannel + i) * sizeOf(lengths) + position,
        factor: 1,
        parameter: { name: op.weight, index: (unit * inPerGroup + i) * sizeOf(op.kernel) + tap },
      })),
    ).flat();
  },
};

function denseValue(op: Dense, task: Task): Float64Array {
  const [inCount, ...places] = task.inputShapes[0] as [number, ...number[]];
  const plane = sizeOf(places);
  const x = task.inputs[0]!;
  const weight = parameter(task, op.weight, op.outFeatures * inCount);
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, op.outFeatures);
  const y = new Float64Array(task.count * op.outFeatures * plane);
  for (let k = 0; k < y.length; k++) {
    const [place, o] = [k % plane, Math.floor(k / plane) % op.outFeatures];
    const n = Math.floor(k / plane / op.outFeatures);
    let sum = bias === undefined ? 0 : bias[o]!;
    for (let i = 0; i < inCount; i++) sum += weight[o * inCount + i]! * x[(n * inCount + i) * plane + place]!;
    y[k] = sum;
  }
  return y;
}

function convolution(op: Conv2d, task: Task): Float64Array {
  const [channels, height, width] = task.inputShapes[0] as [number, number, number];
  const [outChannels, outHeight, outWidth] = task.shape as [number, number, number];
  const [kh, kw] = op.kernel;
  const inPerGroup = channels / op.groups;
  const outPerGroup = outChannels / op.groups;
  const x = task.inputs[0]!;
  const weight = parameter(task, op.weight, outChannels * inPerGroup * kh * kw);
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, outChannels);
  const y = new Float64Array(task.count * outChannels * outHeight * outWidth);
  let at = 0;
  for (let n = 0; n < task.count; n++) {
    for (let o = 0; o < outChannels; o++) {
      const group = Math.floor(o / outPerGroup);
      for (let p = 0; p < outHeight; p++) {
        for (let q = 0; q < outWidth; q++) {
          let sum = bias === undefined ? 0 : bias[o]!;
          for (let i = 0; i < inPerGroup; i++) {
            const channel = group * inPerGroup + i;
            for (let r = 0; r < kh; r++) {
              const row = p * op.stride[0] - op.padding[0] + r * op.dilation[0];
              if (row < 0 || row >= height) continue;
              for (let s = 0; s < kw; s++) {
                const column = q * op.stride[1] - op.padding[1] + s * op.dilation[1];
                if (column < 0 || column >= width) continue;
                const w = weight[((o * inPerGroup + i) * kh + r) * kw + s]!;
                sum += w * x[((n * channels + channel) * height + row) * width + column]!;
              }
            }
          }
          y[at++] = sum;
        }
      }
    }
  }
  return y;
}

function volumeConvolution(op: Conv3d, task: Task): Float64Array {
  const [channels, ...lengths] = task.inputShapes[0] as [number, ...number[]];
  const [outChannels, ...outLengths] = task.shape as [number, ...number[]];
  const inPerGroup = channels / op.groups;
  const weight = parameter(task, op.weight, outChannels * inPerGroup * sizeOf(op.kernel));
  const bias = op.bias === undefined ? undefined : parameter(task, op.bias, outChannels);
  const [plane, outPlane] = [sizeOf(lengths), sizeOf(outLengths)];
  return Float64Array.from({ length: task.count * outChannels * outPlane }, (_, k) => {
    const o = Math.floor(k / outPlane) % outChannels;
    const first =
      Math.floor(k / outPlane / outChannels) * channels +
      Math.floor(o / (outChannels / op.groups)) * inPerGroup;
    let sum = bias === undefined ? 0 : bias[o]!;
    for (const { tap, position } of volumeTaps(op, lengths, outLengths, k % outPlane)) {
      for (let i = 0; i < inPerGroup; i++)
        sum +=
          weight[(o * inPerGroup + i) * sizeOf(op.kernel) + tap]! *
          task.inputs[0]![(first + i) * plane + position]!;
    }
    return sum;
  });
}
