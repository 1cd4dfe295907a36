/** Enumerates all paths of kept weights, as a reference for path counts and reach. */
import { type OracleGraph, type Parameters, shapesOf, sizeOf } from "@phew/oracle";

export interface UnitPaths {
  readonly count: number;
  /** Parameter name → number of paths through each weight. */
  readonly through: ReadonlyMap<string, Float64Array>;
}

/** Operations whose unit u is unit u of their one input. */
const STRAIGHT: ReadonlySet<string> = new Set([
  "activation",
  "averagePool2d",
  "batchNorm",
  "globalAveragePool",
  "maxPool2d",
]);

/**
 * Follows every route from every output unit back to an input unit. A product of values is left by either factor, a
 * unit that is 0 by a selection by none.
 * @param kept parameter name → 1 for a kept weight
 * @returns undefined if there are more than `most` paths
 * @throws Error for an operation that it does not know
 */
export function unitPaths(graph: OracleGraph, kept: Parameters, most = 200_000): UnitPaths | undefined {
  const shapes = shapesOf(graph);
  const through = new Map([...kept].map(([name, mask]) => [name, new Float64Array(mask.length)]));
  const walked: [string, number][] = [];
  let count = 0;
  let stepsLeft = 20 * most;
  const follow = (node: number, unit: number): void => {
    if (count > most || stepsLeft-- < 0) return;
    const { op, inputs } = graph.nodes[node]!;
    const [input] = inputs as [number];
    if (op.kind === "input") {
      count++;
      for (const [name, k] of walked) through.get(name)![k]!++;
    } else if (op.kind === "conv2d" || op.kind === "dense") {
      const groups = op.kind === "conv2d" ? op.groups : 1;
      const size = op.kind === "conv2d" ? op.kernel[0] * op.kernel[1] : 1;
      const inPerGroup = shapes[input]![0]! / groups;
      const group = Math.floor(unit / (shapes[node]![0]! / groups));
      for (let i = 0; i < inPerGroup; i++) {
        for (let tap = 0; tap < size; tap++) {
          const k = (unit * inPerGroup + i) * size + tap;
          if (kept.get(op.weight)![k] !== 1) continue;
          walked.push([op.weight, k]);
          follow(input, group * inPerGroup + i);
          walked.pop();
        }
      }
    } else if (op.kind === "add") for (const from of inputs) follow(from, unit);
    else if (op.kind === "flatten")
      follow(input, Math.floor(unit / (sizeOf(shapes[input]!) / shapes[input]![0]!)));
    else if (op.kind === "multiply")
      // a factor of one unit stands for all units of the other
      for (const from of inputs) follow(from, shapes[from]![0] === 1 ? 0 : unit);
    else if (op.kind === "select") {
      if (op.index[unit]! >= 0) follow(input, op.index[unit]!);
    } else if (op.kind === "concat") {
      let slot = 0;
      let rest = unit;
      while (rest >= shapes[inputs[slot]!]![0]!) rest -= shapes[inputs[slot++]!]![0]!;
      follow(inputs[slot]!, rest);
    } else if (op.kind === "opaque") {
      for (const from of inputs) {
        if (op.carries && shapes[from]![0] === op.shape[0]) follow(from, unit);
        else for (let u = 0; u < shapes[from]![0]!; u++) follow(from, u);
      }
    } else if (STRAIGHT.has(op.kind)) follow(input, unit);
    else throw new Error(`no paths are known through "${op.kind}"`);
  };
  for (let unit = 0; unit < shapes[graph.output]![0]!; unit++) follow(graph.output, unit);
  return count > most || stepsLeft < 0 ? undefined : { count, through };
}
