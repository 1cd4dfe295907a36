/**
 * The outputs of a model's file. A network has one output: if a file has several, their values are concatenated, so
 * that every unit of every output counts as an output unit.
 */
import { ArgumentError, elementCount, type NodeSpec, type Shape } from "@phew/core";
import type { LeftOutSoftmax } from "./leftOutSoftmax.ts";

export interface ModelOutput {
  /** In the file; undefined if it has no name. */
  readonly name: string | undefined;
  /** Node of the network that gives it. */
  readonly node: string;
  /** Of one example, without the batch, as the file has it; the same elements as the node's. */
  readonly shape: Shape;
  /**
   * For each element in the file's order, its position in the node's value; absent: the same. Softmaxes are over the
   * file's order.
   */
  readonly places?: readonly number[] | undefined;
  /** Softmaxes at its end that are left out of the network, in their order. */
  readonly softmaxes: readonly LeftOutSoftmax[];
  /** Position of its first element in the network's output, for one example. */
  readonly start: number;
}

/** An output without a position yet. @typeParam nodeShape shape of the node's own value */
export type OutputValue = Omit<ModelOutput, "start"> & { readonly nodeShape: Shape };

/**
 * Joins these outputs to one: on the axis of units if heights and widths agree, else flattened. A value that is
 * several outputs counts once.
 * @param isTaken of names of nodes
 * @returns the nodes that join them (none for one value), and the network's output node
 */
export function joinOutputs(
  values: readonly OutputValue[],
  isTaken: (name: string) => boolean,
): {
  readonly specs: readonly NodeSpec[];
  readonly output: string;
  readonly outputs: readonly ModelOutput[];
} {
  const distinct = [...new Map(values.map((value) => [value.node, value])).values()];
  const starts = new Map<string, number>();
  let end = 0;
  for (const { node, nodeShape } of distinct) {
    starts.set(node, end);
    end += elementCount(nodeShape);
  }
  const outputs = values.map(
    ({ nodeShape: _, ...value }): ModelOutput => ({ ...value, start: starts.get(value.node)! }),
  );
  const [first, ...others] = distinct as [OutputValue, ...OutputValue[]];
  if (others.length === 0) return { specs: [], output: first.node, outputs };
  const given = new Set<string>();
  const unused = (wanted: string) => {
    let name = wanted;
    while (isTaken(name) || given.has(name)) name += "'";
    given.add(name);
    return name;
  };
  const sizeOf = ({ nodeShape }: OutputValue) => nodeShape.slice(1).join();
  const isOneSize = others.every((other) => sizeOf(other) === sizeOf(first));
  const specs: NodeSpec[] = [];
  const inputs = distinct.map(({ node, nodeShape }) => {
    if (isOneSize || nodeShape.length === 1) return node;
    const name = unused(`${node}/flat output`);
    specs.push({ name, op: { kind: "flatten" }, inputs: [node] });
    return name;
  });
  const output = unused("outputs");
  return { specs: [...specs, { name: output, op: { kind: "concat" }, inputs }], output, outputs };
}

export function noSuchOutput(file: string, wanted: string, names: readonly string[]): ArgumentError {
  return new ArgumentError(file, {
    given: `the output "${wanted}"`,
    expected: `one of ${names.slice(0, 10).join(", ")}`,
    remedy: "Name one of the file's outputs.",
  });
}
