/** Parameters that are not prunable. Of those with one number a unit only stored units have theirs. */
import { elementCount, type Network, type Operation, type Parameter } from "@phew/core";
import type { Fixed } from "../model/fixed.ts";
import { Region } from "./region.ts";

/** The elements of one parameter in memory. */
export class UnitParameter {
  readonly parameter: Parameter;
  /** Unit number of each; their indices if they belong to no single unit. */
  readonly units: Fixed<Uint32Array>;
  readonly values: Region;
  /** 1 for trained elements, 0 for those that stay 0; absent if all are trained. */
  readonly trained: Region | undefined;
  readonly masked: Fixed<Uint8Array> | undefined;

  /** @param stays one byte a unit of the network, 0 = must be 0; absent: all stay */
  constructor(parameter: Parameter, units: Fixed<Uint32Array>, stays: Fixed<Uint8Array> | undefined) {
    const bytes = 4 * units.length;
    const { trained } = parameter;
    this.parameter = parameter;
    this.units = units;
    this.values = new Region("weights", bytes);
    this.masked = stays;
    this.trained =
      trained && stays !== undefined && units.some((u) => stays[u] === 0)
        ? new Region("optimiser", bytes, { initial: () => Float32Array.from(units, (u) => stays[u]!) })
        : undefined;
    Object.freeze(this);
  }
}

export type BatchNormOperation = Extract<Operation, { kind: "batchNorm" }>;

/** Memory of one batch normalisation in a program. */
export class Norm {
  readonly name: string;
  readonly op: BatchNormOperation;
  /** Places of an image: height · width. */
  readonly places: number;
  readonly unitCount: number;
  readonly scale: UnitParameter;
  readonly shift: UnitParameter;
  readonly mean: UnitParameter;
  readonly variance: UnitParameter;
  /** f32[7][units]: a, b, mean, 1/√(variance + ε), variance, B, C. */
  readonly coefficients: Region;
  /** f64[blocks][units][2] each. */
  readonly statistics: Region;
  readonly gradientSums: Region;

  /** @param units of the value that it normalises */
  constructor(
    network: Network,
    node: number,
    units: Fixed<Uint32Array>,
    blocks: number,
    stays: ReadonlyMap<string, Fixed<Uint8Array>>,
  ) {
    const { name, op, shape } = network.nodes[node]!;
    if (op.kind !== "batchNorm") throw new Error(`${name} is no batch normalisation`);
    const parameterOf = (parameterName: string): UnitParameter =>
      new UnitParameter(
        network.parameters.find((parameter) => parameter.name === parameterName)!,
        units,
        stays.get(parameterName),
      );
    this.name = name;
    this.op = op;
    this.places = elementCount(shape.slice(1));
    this.unitCount = units.length;
    this.scale = parameterOf(op.scale);
    this.shift = parameterOf(op.shift);
    this.mean = parameterOf(op.mean);
    this.variance = parameterOf(op.variance);
    this.coefficients = new Region("activations", 28 * units.length);
    this.statistics = new Region("activations", 16 * blocks * units.length, { temporary: true });
    this.gradientSums = new Region("gradients", 16 * blocks * units.length, { temporary: true });
    Object.freeze(this);
  }

  /** Fields of a batchNorm record. */
  fields(partial?: Region) {
    const { epsilon, momentum } = this.op;
    return {
      ...(partial && { partial }),
      places: this.places,
      units: this.unitCount,
      scale: this.scale.values,
      shift: this.shift.values,
      runningMean: this.mean.values,
      runningVariance: this.variance.values,
      coefficients: this.coefficients,
      epsilon,
      momentum,
    };
  }
}
