/** Normalisation by the value's own statistics, which are computed again on each way: they cost one pass over it. */
import type { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { descendProducts, scaleUnits } from "./unitScale.ts";
import { descendSums } from "./weights.ts";

type LayerNorm = OperationOf<"layerNorm">;

/** What all kernels of one node share. */
interface Norm {
  readonly x: PlannedTensor;
  readonly statistics: PlannedTensor;
  /** u32[units]: the group of each. */
  readonly groupOf: Region;
  /** Fields of the kernels' record. */
  readonly fields: Readonly<Record<string, number | boolean | PlannedTensor | Region>>;
}

/** Writes the statistics of a value. @param values the pass that has them */
function normOf(pass: Pass, values: Pass, index: number, op: LayerNorm): Norm {
  const source = pass.source(index);
  const x = values.read(source);
  const units = pass.plan.stored[source]!;
  const total = pass.node(source).shape[0]!;
  const groups = op.groups === "units" ? units.length : op.groups;
  const size = op.groups === "units" ? 1 : total / op.groups;
  const groupOf = units.map((unit, place) => (op.groups === "units" ? place : Math.floor(unit / size)));
  const starts = Uint32Array.from({ length: groups + 1 }, (_, group) => firstIn(groupOf, group));
  const [height, width] = op.eachPlace ? [x.height, x.width] : [1, 1];
  const statistics = new PlannedTensor(2 * groups, height, width);
  const fields = {
    input: x,
    statistics,
    groupStart: pass.table(starts),
    groups,
    count: op.eachPlace ? size : size * x.height * x.width,
    together: !op.eachPlace,
    centred: op.centred,
    epsilon: op.epsilon,
  };
  pass.draft.emit("normStatistics", pass.label(index, "other"), fields);
  return { x, statistics, groupOf: pass.table(groupOf), fields };
}

function firstIn(groupOf: Uint32Array, group: number): number {
  const place = groupOf.findIndex((of) => of >= group);
  return place < 0 ? groupOf.length : place;
}

/** x̂·scale + shift */
function normalised(pass: Pass, index: number, norm: Norm, scale?: Region, shift?: Region): PlannedTensor {
  const output = pass.newTensor(index);
  const { x: input, statistics, groupOf } = norm;
  const fields = { input, statistics, output, groupOf, scale, shift };
  pass.draft.emit("normalise", pass.label(index, "other"), fields);
  return output;
}

/** J vector, in a tensor of its own or added to the content of `output`. */
function jacobian(
  pass: Pass,
  index: number,
  { fields }: Norm,
  vector: PlannedTensor,
  { tensor: output, accumulate } = { tensor: pass.newTensor(index), accumulate: false },
): PlannedTensor {
  pass.draft.emit("normJacobian", pass.label(index, "other"), { ...fields, vector, output, accumulate });
  return output;
}

/** Sums of a gradient times the scale, and along a direction of the scale; the gradient itself without a scale. */
function timesScale(pass: Pass, index: number, op: LayerNorm, gradient: PlannedTensor): PlannedTensor {
  const parameter = pass.parameter(op.scale);
  if (parameter === undefined) return gradient;
  const tensor = pass.newTensor(index);
  scaleUnits(pass, index, gradient, { parameter, values: parameter.values }, { tensor, accumulate: false });
  return tensor;
}

export const layerNorm: Lowering<LayerNorm> = {
  overwritable: true,
  forward(pass, index, op) {
    const norm = normOf(pass, pass, index, op);
    const [scale, shift] = [pass.parameter(op.scale)?.values, pass.parameter(op.shift)?.values];
    pass.write(index, normalised(pass, index, norm, scale, shift));
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    const norm = normOf(pass, pass, index, op);
    const [scale, shift] = [pass.parameter(op.scale), pass.parameter(op.shift)];
    if (scale !== undefined) descendProducts(pass, index, scale, [[gradient, normalised(pass, index, norm)]]);
    if (shift !== undefined) descendSums(pass, index, shift, gradient);
    const target = pass.receive(pass.source(index));
    if (target !== undefined) jacobian(pass, index, norm, timesScale(pass, index, op, gradient), target);
  },

  tangent: {
    /** y˙ = scale·J ẋ + scale˙·x̂ + shift˙ */
    forward(pass, index, op) {
      const source = pass.source(index);
      const norm = normOf(pass, pass.primal, index, op);
      const [scale, shift] = [pass.parameter(op.scale), pass.parameter(op.shift)];
      const through = pass.wantsGradient(source) ? jacobian(pass, index, norm, pass.read(source)) : undefined;
      if (scale === undefined) return pass.write(index, through!);
      const along = [scale, shift].map((parameter) => parameter && pass.direction.units(parameter));
      const tensor = normalised(pass, index, norm, ...along);
      const factors = { parameter: scale, values: scale.values };
      if (through !== undefined) scaleUnits(pass, index, through, factors, { tensor, accumulate: true });
      pass.write(index, tensor);
    },

    /**
     * (∂L/∂x)˙ = J (scale·g˙ + scale˙·g) + J˙ (scale·g),   (∂L/∂scale)˙ = Σ g˙·x̂ + g·J ẋ,   (∂L/∂shift)˙ = Σ g˙
     */
    backward(pass, index, op) {
      const gradient = pass.gradientOf(index);
      const primalGradient = pass.primal.gradientOf(index);
      if (gradient === undefined || primalGradient === undefined) return;
      const source = pass.source(index);
      const norm = normOf(pass, pass.primal, index, op);
      const [scale, shift] = [pass.parameter(op.scale), pass.parameter(op.shift)];
      const tangent = pass.wantsGradient(source) ? pass.read(source) : undefined;
      if (scale !== undefined) {
        const own = [gradient, normalised(pass, index, norm)] as const;
        const moved = tangent && ([primalGradient, jacobian(pass, index, norm, tangent)] as const);
        descendProducts(pass, index, scale, moved === undefined ? [own] : [own, moved]);
      }
      if (shift !== undefined) descendSums(pass, index, shift, gradient);
      const target = pass.receive(source);
      if (target === undefined || tangent === undefined) return;
      const vector = timesScale(pass, index, op, gradient);
      if (scale !== undefined) {
        const along = { parameter: scale, values: pass.direction.units(scale) };
        scaleUnits(pass, index, primalGradient, along, { tensor: vector, accumulate: true });
      }
      jacobian(pass, index, norm, vector, target);
      pass.draft.emit("normCurvature", pass.label(index, "other"), {
        ...norm.fields,
        tangent,
        vector: timesScale(pass, index, op, primalGradient),
        output: target.tensor,
      });
    },
  },
};
