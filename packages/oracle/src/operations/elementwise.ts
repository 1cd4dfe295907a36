/** Operations on each element by itself. */
import { activate } from "../activate.ts";
import { sizeOf } from "../shapes.ts";
import { type OracleOperation, sameShape, type Task, unchanged } from "./operation.ts";

export interface Activation {
  readonly kind: "activation";
  readonly name: string;
  readonly alpha?: number;
  readonly beta?: number;
}

/** A slope for each unit, or one for all. */
export interface Prelu {
  readonly kind: "prelu";
  readonly slope: string;
  readonly shared: boolean;
}

export const activation: OracleOperation<Activation> = {
  shape: sameShape,
  value: ({ name, alpha, beta }, { inputs }) => inputs[0]!.map((x) => activate(name, x, alpha, beta)),
  paths: ({ name, alpha = 1 }, { element }) => [{ element, factor: name === "linear" ? Math.abs(alpha) : 1 }],
};

export const prelu: OracleOperation<Prelu> = {
  shape: sameShape,
  value: ({ slope, shared }, task) => {
    const slopes = task.parameters.get(slope)!;
    return byUnit(task, (x, unit) => (x > 0 ? x : slopes[shared ? 0 : unit]! * x));
  },
  paths: unchanged,
};

function byUnit({ inputs, shape }: Task, f: (x: number, unit: number) => number): Float64Array {
  const [units, ...places] = shape as [number, ...number[]];
  return inputs[0]!.map((x, k) => f(x, Math.floor(k / sizeOf(places)) % units));
}
