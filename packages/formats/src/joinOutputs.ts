/**
 * The outputs of a model's file. A network has one output: where a file has several, it is all their values, one behind
 * the other, so that every unit of every output counts as an output unit.
 */
import { ArgumentError, elementCount, type NodeSpec, type Shape } from "@phew/core";
import type { LeftOutSoftmax } from "./leftOutSoftmax.ts";

export interface ModelOutput {
  /** In the file; undefined where nothing names it. */
  readonly name: string | undefined;
  /** Node of the network that gives it. */
  readonly node: string;
  /** Of one example, without the batch, as the file has it; row-major the same elements as the node's. */
  readonly shape: Shape;
  /** Those at its end that are no part of the network, in the order in which they compute. */
  readonly softmaxes: readonly LeftOutSoftmax[];
  /** Place of its first element among those of the network's output, for one example. */
  readonly start: number;
}

/** An output that has no place yet. @typeParam nodeShape shape of the node's own value */
export type OutputValue = Omit<ModelOutput, "start"> & { readonly nodeShape: Shape };

/**
 * The one output of a network with these: their values on one axis of units where heights and widths agree, else each
 * laid flat. A value that is several outputs counts once.
 * @param isTaken of names of nodes
 * @returns the nodes that join them, none where they are one value, and which node is the network's output
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
