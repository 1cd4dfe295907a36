/**
 * Sums over paths, path by path: a path runs from one element of the input (a pixel of a channel) to one element of
 * the output, through elements of values; its product is that of the parameters' magnitudes (power 1) or squares
 * (power 2) and of the constants on it: 1 / window of an average, and 1 / √(variance + ε), which is squared as the scale
 * beside it is.
 *   R = Σ_paths Π θ';   ∂R/∂θ'_e = Σ_{paths through e} Π of all others
 * Paths go through either factor of a product of values. Activations do not change a product, no path goes through biases and shifts, and of a max-pooling window only through
 * its first greatest element. The time is exponential in depth: for the smallest networks only.
 */
import { type OracleGraph, shapesOf } from "./graph.ts";
import type { Parameters } from "./numbers.ts";
import type { Strand } from "./operations/operation.ts";
import { operationOf } from "./operations/registry.ts";
import { sizeOf } from "./shapes.ts";

export interface ElementPathSums {
  /** R. */
  readonly sum: number;
  /** Number of paths whose product is not 0. */
  readonly pathCount: number;
  /** ∂R/∂θ' by parameter name: weights and batch-normalisation scales. */
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

export function elementPathSums(graph: OracleGraph, parameters: Parameters, power: 1 | 2): ElementPathSums {
  const shapes = shapesOf(graph);
  const theta = (name: string, index: number) => Math.abs(parameters.get(name)![index]!) ** power;
  const productOf = ({ factor, parameter }: Strand) =>
    factor * (parameter === undefined ? 1 : theta(parameter.name, parameter.index));
  const values: number[][] = [];
  const strands: Strand[][][] = [];
  for (const [index, { op, inputs }] of graph.nodes.entries()) {
    const shape = shapes[index]!;
    const plane = sizeOf(shape) / shape[0]!;
    const given = {
      shape,
      inputShapes: inputs.map((input) => shapes[input]!),
      values: inputs.map((input) => values[input]!),
      parameters,
      power,
      plane,
    };
    const own = Array.from({ length: sizeOf(shape) }, (_, element) =>
      operationOf(op).paths(op, { ...given, element, unit: Math.floor(element / plane) }),
    );
    strands.push(own);
    values.push(
      own.map((into) =>
        op.kind === "input"
          ? 1
          : into.reduce((sum, strand) => {
              return sum + productOf(strand) * given.values[strand.slot ?? 0]![strand.element]!;
            }, 0),
      ),
    );
  }

  let [sum, pathCount] = [0, 0];
  const gradients = new Map<string, Float64Array>();
  const onPath: Strand[] = [];
  const follow = (node: number, element: number): void => {
    if (graph.nodes[node]!.op.kind === "input") {
      const products = onPath.map(productOf);
      const product = products.reduce((a, b) => a * b, 1);
      sum += product;
      if (product !== 0) pathCount++;
      for (const [at, { parameter, factor }] of onPath.entries()) {
        if (parameter === undefined) continue;
        const others = products.reduce((a, b, k) => (k === at ? a : a * b), factor);
        if (!gradients.has(parameter.name))
          gradients.set(parameter.name, new Float64Array(parameters.get(parameter.name)!.length));
        gradients.get(parameter.name)![parameter.index]! += others;
      }
      return;
    }
    for (const strand of strands[node]![element]!) {
      onPath.push(strand);
      follow(graph.nodes[node]!.inputs[strand.slot ?? 0]!, strand.element);
      onPath.pop();
    }
  };
  for (let element = 0; element < sizeOf(shapes[graph.output]!); element++) follow(graph.output, element);
  return { sum, pathCount, gradients };
}
