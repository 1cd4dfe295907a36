/** Operations that scale and shift values, by statistics or by parameters. */
import { sizeOf } from "../shapes.ts";
import { type OracleOperation, parameter, sameShape, type Task } from "./operation.ts";

export interface BatchNorm {
  readonly kind: "batchNorm";
  readonly scale: string;
  readonly shift: string;
  readonly mean: string;
  readonly variance: string;
  readonly epsilon: number;
  readonly momentum: number;
}

export interface LayerNorm {
  readonly kind: "layerNorm";
  readonly groups: number | "units";
  readonly eachPlace: boolean;
  readonly centred: boolean;
  readonly epsilon: number;
  readonly scale?: string;
  readonly shift?: string;
}

export interface Affine {
  readonly kind: "affine";
  readonly of: "units" | "elements";
  readonly scale?: string;
  readonly shift?: string;
}

export const batchNorm: OracleOperation<BatchNorm> = {
  shape: sameShape,
  value: batchNormValue,
  paths: ({ scale, variance, epsilon }, { parameters, power, element, unit }) => {
    const factor = (1 / Math.sqrt(parameters.get(variance)![unit]! + epsilon)) ** power;
    return [{ element, factor, parameter: { name: scale, index: unit } }];
  },
};

export const layerNorm: OracleOperation<LayerNorm> = {
  shape: sameShape,
  value: layerNormValue,
  paths: ({ scale }, { element, unit }) => [{ element, factor: 1, parameter: scaleAt(scale, unit) }],
};

export const affine: OracleOperation<Affine> = {
  shape: sameShape,
  value: affineValue,
  paths: ({ of, scale }, { element, unit }) => [
    { element, factor: 1, parameter: scaleAt(scale, of === "units" ? unit : element) },
  ],
};

const scaleAt = (name: string | undefined, index: number) =>
  name === undefined ? undefined : { name, index };

function layerNormValue(op: LayerNorm, task: Task): Float64Array {
  const [units, ...places] = task.shape as [number, ...number[]];
  const plane = sizeOf(places);
  const perGroup = op.groups === "units" ? 1 : units / op.groups;
  const x = task.inputs[0]!;
  const scale = op.scale === undefined ? undefined : parameter(task, op.scale, units);
  const shift = op.shift === undefined ? undefined : parameter(task, op.shift, units);
  return x.map((v, k) => {
    const unit = Math.floor(k / plane) % units;
    const first = k - (k % (units * plane)) + (unit - (unit % perGroup)) * plane;
    const alike = Array.from({ length: perGroup * plane }, (_, e) => first + e)
      .filter((at) => !op.eachPlace || at % plane === k % plane)
      .map((at) => x[at]!);
    const mean = op.centred ? alike.reduce((sum, a) => sum + a, 0) / alike.length : 0;
    const variance = alike.reduce((sum, a) => sum + (a - mean) ** 2, 0) / alike.length;
    const own = (v - mean) / Math.sqrt(variance + op.epsilon);
    return own * (scale?.[unit] ?? 1) + (shift?.[unit] ?? 0);
  });
}

function affineValue(op: Affine, task: Task): Float64Array {
  const size = sizeOf(task.shape);
  const place = (k: number) =>
    op.of === "units" ? Math.floor((k % size) / (size / task.shape[0]!)) : k % size;
  const numbers = (name: string | undefined, neutral: number) => (k: number) =>
    name === undefined ? neutral : task.parameters.get(name)![place(k)]!;
  const [scale, shift] = [numbers(op.scale, 1), numbers(op.shift, 0)];
  return task.inputs[0]!.map((v, k) => v * scale(k) + shift(k));
}

function batchNormValue(op: BatchNorm, task: Task): Float64Array {
  const unitCount = task.shape[0]!;
  const plane = sizeOf(task.shape) / unitCount;
  const x = task.inputs[0]!;
  const scale = parameter(task, op.scale, unitCount);
  const shift = parameter(task, op.shift, unitCount);
  const mean = Float64Array.from(parameter(task, op.mean, unitCount));
  const variance = Float64Array.from(parameter(task, op.variance, unitCount));
  const unitOf = (k: number) => Math.floor(k / plane) % unitCount;
  if (task.options.mode === "training") {
    const elements = task.count * plane;
    const batchMean = new Float64Array(unitCount);
    x.forEach((v, k) => {
      batchMean[unitOf(k)]! += v / elements;
    });
    const squares = new Float64Array(unitCount);
    x.forEach((v, k) => {
      squares[unitOf(k)]! += (v - batchMean[unitOf(k)]!) ** 2;
    });
    // the running variance is the unbiased estimate, the batch's variance is not
    task.running.set(
      op.mean,
      mean.map((m, u) => (1 - op.momentum) * m + op.momentum * batchMean[u]!),
    );
    task.running.set(
      op.variance,
      variance.map((v, u) => (1 - op.momentum) * v + (op.momentum * squares[u]!) / (elements - 1)),
    );
    mean.set(batchMean);
    variance.set(squares.map((sum) => sum / elements));
  }
  return x.map((v, k) => {
    const u = unitOf(k);
    return ((v - mean[u]!) / Math.sqrt(variance[u]! + op.epsilon)) * scale[u]! + shift[u]!;
  });
}
