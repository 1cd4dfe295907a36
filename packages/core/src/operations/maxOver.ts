/**
 * Greatest value over some positions of each unit, axis by axis:
 *   y[c, p, q] = max over i in row p, j in column q of x[c, i, j].
 * Pooling in three dimensions and maxima over single axes. In a path sum the path goes through the first greatest value,
 * row-major, as in PyTorch.
 */
import { ArgumentError } from "../errors.ts";
import { type OperationDefinition, type PathSumInputs, POOLS } from "./definition.ts";
import { throughGreatest } from "./greatest.ts";
import { planeTerms } from "./resample.ts";
import type { AxisTerms } from "./resampling.ts";
import { elementCount } from "./shape.ts";

export interface MaxOver {
  readonly kind: "maxOver";
  /** One for each axis of positions; each position has a term, and all factors are 1. */
  readonly axes: readonly AxisTerms[];
}

/** Index into the input of the greatest element for every element of the output. */
function winners(op: MaxOver, given: PathSumInputs): Int32Array {
  const { rows, columns } = planeTerms(op);
  const input = given.inputs[0]!;
  const winner = new Int32Array(elementCount(given.outputShape));
  let k = 0;
  for (let c = 0; c < given.outputShape[0]!; c++) {
    for (const rowTerms of rows.places) {
      for (const columnTerms of columns.places) {
        let best = -1;
        for (const [i] of rowTerms) {
          for (const [j] of columnTerms) {
            const at = (c * rows.from + i) * columns.from + j;
            if (best < 0 || input[at]! > input[best]!) best = at;
          }
        }
        winner[k++] = best;
      }
    }
  }
  return winner;
}

export const maxOver: OperationDefinition<MaxOver> = {
  ...POOLS,
  kind: "maxOver",
  label: () => "maxPool",
  shape({ axes }, inputs, node) {
    const [units, ...lengths] = inputs[0]!;
    const isSound = ({ from, places }: AxisTerms, axis: number) =>
      from === lengths[axis] &&
      places.length > 0 &&
      places.every(
        (terms) => terms.length > 0 && terms.every(([at]) => at >= 0 && at < from && Number.isInteger(at)),
      );
    if (axes.length !== lengths.length || lengths.length === 0 || !axes.every(isSound)) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `maxima over ${axes.map(({ from }) => from).join("×")} positions of an input of shape [${inputs[0]!.join(", ")}]`,
        expected: "positions inside the input for each position of the output",
      });
    }
    return [units!, ...axes.map(({ places }) => places.length)];
  },
  ...throughGreatest(winners),
};
