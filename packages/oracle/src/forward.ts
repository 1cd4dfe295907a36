/** A dense forward pass in float64, one number at a time. */
import { type OracleGraph, shapesOf } from "./graph.ts";
import type { ForwardOptions, Parameters } from "./numbers.ts";
import { operationOf } from "./operations/registry.ts";
import { sizeOf } from "./shapes.ts";

export interface ForwardResult {
  /** Value of every node, row-major `[count, ...shape]`. */
  readonly values: readonly Float64Array[];
  /** Value of the output node. */
  readonly output: Float64Array;
  /** Running means and variances after this batch, by parameter name; empty in evaluation. */
  readonly running: ReadonlyMap<string, Float64Array>;
}

/** @param x row-major `[count, ...inputShape]` */
export function forward(
  graph: OracleGraph,
  parameters: Parameters,
  x: ArrayLike<number>,
  count: number,
  options: ForwardOptions = {},
): ForwardResult {
  const shapes = shapesOf(graph);
  const inputSize = graph.nodes.reduce(
    (sum, { op }) => sum + (op.kind === "input" ? sizeOf(op.shape) : 0),
    0,
  );
  if (x.length !== count * inputSize) throw new Error(`${x.length} inputs for ${count} × ${inputSize}`);
  const values: Float64Array[] = [];
  const running = new Map<string, Float64Array>();
  for (const [index, node] of graph.nodes.entries()) {
    const shape = shapes[index]!;
    if (node.op.kind === "input") {
      // several inputs: an example holds those of all, one after the other
      const size = sizeOf(shape);
      const whole = x.length / count;
      const start = graph.nodes
        .slice(0, index)
        .reduce((sum, { op }) => sum + (op.kind === "input" ? sizeOf(op.shape) : 0), 0);
      values.push(
        Float64Array.from({ length: count * size }, (_, k) => {
          return x[Math.floor(k / size) * whole + start + (k % size)]!;
        }),
      );
      continue;
    }
    values.push(
      operationOf(node.op).value(node.op, {
        name: node.name,
        shape,
        inputs: node.inputs.map((input) => values[input]!),
        inputShapes: node.inputs.map((input) => shapes[input]!),
        parameters,
        count,
        options,
        running,
      }),
    );
  }
  return { values, output: values[graph.output]!, running };
}
