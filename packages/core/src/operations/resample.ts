/**
 * Moves and mixes the positions of each unit, axis by axis, without weights of its own:
 *   y[c, p, q] = Σ_{(i, a) of row p} Σ_{(j, b) of column q} a·b · x[c, i, j];   `fill` where row p or column q has no
 *   term.
 * Padding, cropping, slices of positions, zeros between positions and resizing are tables of such terms (see
 * resampling.ts). Factors are never negative, and are no weights: in a path sum they count as those of a mean do, with
 * power 2 too, and walks pass each unit straight.
 */
import { ArgumentError } from "../errors.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type PathSumInputs,
  SHRINKS_AS_IT_IS,
  unitsUnchanged,
} from "./definition.ts";
import { type AxisTerms, allPlaces, joinedTerms, transposedTerms } from "./resampling.ts";
import { elementCount } from "./shape.ts";

export interface Resample {
  readonly kind: "resample";
  /** What it is in tables and messages. */
  readonly name: "averagePool" | "pad" | "resize" | "slice" | "spread" | "sum";
  /** One for each axis of positions. */
  readonly axes: readonly AxisTerms[];
  /** What positions without terms hold. */
  readonly fill: number;
}

/** The terms of rows and columns: all axes but the last are one, as positions are stored. */
export function planeTerms({ axes }: { readonly axes: readonly AxisTerms[] }): {
  readonly rows: AxisTerms;
  readonly columns: AxisTerms;
} {
  const columns = axes[axes.length - 1]!;
  let rows = axes[0]!;
  for (let axis = 1; axis < axes.length - 1; axis++) rows = joinedTerms(rows, axes[axis]!);
  return { rows: axes.length === 1 ? allPlaces(1) : rows, columns };
}

/** Adds to `to` the terms of each position of every plane of `from`. */
function addTerms(
  to: Float64Array,
  from: Float64Array,
  { rows, columns }: ReturnType<typeof planeTerms>,
  planes: number,
): void {
  const [inWidth, outWidth] = [from.length / planes / rows.from, columns.places.length];
  const [inPlane, outPlane] = [from.length / planes, to.length / planes];
  for (let c = 0; c < planes; c++) {
    for (const [p, rowTerms] of rows.places.entries()) {
      for (const [i, a] of rowTerms) {
        const row = c * inPlane + i * inWidth;
        const out = c * outPlane + p * outWidth;
        for (const [q, terms] of columns.places.entries())
          for (const [j, b] of terms) to[out + q]! += a * b * from[row + j]!;
      }
    }
  }
}

function filled(op: Resample, given: PathSumInputs): Float64Array {
  const output = new Float64Array(elementCount(given.outputShape));
  if (op.fill === 0 || !given.biases) return output;
  const { rows, columns } = planeTerms(op);
  const plane = rows.places.length * columns.places.length;
  output.forEach((_, k) => {
    const [p, q] = [Math.floor((k % plane) / columns.places.length), k % columns.places.length];
    if (rows.places[p]!.length === 0 || columns.places[q]!.length === 0) output[k] = op.fill;
  });
  return output;
}

export const resample: OperationDefinition<Resample> = {
  kind: "resample",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const [units, ...lengths] = inputs[0]!;
    const fits =
      op.axes.length === lengths.length &&
      lengths.length > 0 &&
      op.axes.every(({ from, places }, axis) => {
        const isSound = ([at, factor]: readonly [number, number]) =>
          Number.isInteger(at) && at >= 0 && at < from && factor >= 0 && Number.isFinite(factor);
        return from === lengths[axis] && places.length > 0 && places.every((terms) => terms.every(isSound));
      });
    if (!fits) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `${op.name} of ${op.axes.map(({ from }) => from).join("×")} positions for an input of shape [${inputs[0]!.join(", ")}]`,
        expected: "terms inside the input for each axis of positions, with factors of at least 0",
      });
    }
    return [units!, ...op.axes.map(({ places }) => places.length)];
  },
  units: (_op, inputs) => unitsUnchanged(inputs),
  keepsZero: (op) =>
    op.fill === 0 || op.axes.every(({ places }) => places.every((terms) => terms.length > 0)),
  isNonNegative: (op, [input]) => input! && op.fill >= 0,
  couples: () => false,
  adds: false,
  shrink: SHRINKS_AS_IT_IS,
  assumes: ASSUMES_NOTHING,
  label: (op) => op.name,
  pathForward(op, given) {
    const output = filled(op, given);
    addTerms(output, given.inputs[0]!, planeTerms(op), given.outputShape[0]!);
    return output;
  },
  pathBackward(op, given, _output, gradient) {
    const { rows, columns } = planeTerms(op);
    const input = new Float64Array(elementCount(given.inputShapes[0]!));
    const back = { rows: transposedTerms(rows), columns: transposedTerms(columns) };
    addTerms(input, gradient, back, given.outputShape[0]!);
    return { inputs: [input], parameters: NO_GRADIENTS };
  },
};
