/** The nodes of a graph that matter, their order, and the readers of each value. */
import { ArgumentError } from "@phew/core";
import type { Reading } from "./parameterSources.ts";
import type { ModelParts, NodePart } from "./parts.ts";

export interface ReadGraph extends Reading {
  /** The nodes that the outputs depend on, each after its inputs; in the file's own order if possible. */
  readonly order: readonly NodePart[];
  /** {@link Reading.readers} over all nodes and outputs of the file: decides what may be changed in place. */
  readonly fileReaders: ReadonlyMap<string, number>;
  /** The same as {@link Reading.tensorReaders} over all nodes of the file. */
  readonly fileTensorReaders: ReadonlyMap<string, number>;
  /** Value → the node that makes it. */
  readonly makers: ReadonlyMap<string, NodePart>;
}

/**
 * @param outputs the wanted values
 * @throws ArgumentError if a value is defined twice or not at all, or if nodes form a cycle
 */
export function readGraph(
  parts: ModelParts,
  inputNames: ReadonlySet<string>,
  outputs: readonly string[],
): ReadGraph {
  const makers = new Map<string, NodePart>();
  for (const node of parts.nodes) {
    for (const name of node.output ?? []) {
      if (name === "") continue;
      if (makers.has(name) || parts.initializers.has(name) || inputNames.has(name)) {
        throw fault(parts, `value "${name}"`, "two definitions", "one for each value");
      }
      makers.set(name, node);
    }
  }
  const order = ordered(parts, makers, inputNames, outputs);
  const readers = countReaders(order, outputs);
  const read = new Set(order);
  // other nodes of the file may be in any order
  const all = [...order, ...parts.nodes.filter((node) => !read.has(node))];
  const allOutputs = parts.outputs.map(({ name }) => name ?? "");
  return {
    order,
    makers,
    readers,
    fileReaders: countReaders(all, allOutputs),
    tensorReaders: countTensorReaders(parts, order, makers),
    fileTensorReaders: countTensorReaders(parts, all, makers),
    tails: new Map(outputs.map((output) => [output, tailValues(makers, readers, output)])),
    readAsImage: imageValues(order),
  };
}

function countReaders(nodes: readonly NodePart[], outputs: readonly string[]): Map<string, number> {
  const readers = new Map<string, number>();
  // an optional input that is left out is no value
  const names = [...nodes.flatMap((node) => node.input ?? []), ...outputs].filter((name) => name !== "");
  for (const name of names) readers.set(name, (readers.get(name) ?? 0) + 1);
  return readers;
}

/** Depth first, without recursion: graphs may be thousands of nodes deep. */
function ordered(
  parts: ModelParts,
  makers: ReadonlyMap<string, NodePart>,
  inputNames: ReadonlySet<string>,
  outputs: readonly string[],
): NodePart[] {
  const live = new Set<NodePart>();
  const wanted = [...outputs];
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (name === "" || parts.initializers.has(name) || inputNames.has(name)) continue;
    const node = makers.get(name);
    if (node === undefined) {
      throw fault(
        parts,
        `value "${name}"`,
        "no node, input or initializer that defines it",
        "a definition for each value that is read",
      );
    }
    if (live.has(node)) continue;
    live.add(node);
    for (const input of node.input ?? []) wanted.push(input);
  }
  const order: NodePart[] = [];
  const state = new Map<NodePart, "open" | "done">();
  for (const first of parts.nodes) {
    if (!live.has(first) || state.has(first)) continue;
    const stack = [{ node: first, next: 0 }];
    state.set(first, "open");
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const inputs = top.node.input ?? [];
      if (top.next === inputs.length) {
        order.push(top.node);
        state.set(top.node, "done");
        stack.pop();
        continue;
      }
      const maker = makers.get(inputs[top.next++]!);
      if (maker === undefined || state.get(maker) === "done") continue;
      if (state.get(maker) === "open")
        throw fault(parts, `node "${maker.title}"`, "a cycle through it", "a graph without cycles");
      state.set(maker, "open");
      stack.push({ node: maker, next: 0 });
    }
  }
  return order;
}

function countTensorReaders(
  parts: ModelParts,
  order: readonly NodePart[],
  makers: ReadonlyMap<string, NodePart>,
) {
  const rootOf = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const node of order) {
    const isAlias = node.opType === "Identity";
    for (const name of node.input ?? []) {
      const root = rootOf.get(name) ?? (parts.initializers.has(name) ? name : undefined);
      if (root === undefined) {
        // the tensor of a Constant node bears the node's output in messages, and its own name, mostly empty, here
        if (makers.get(name)?.opType === "Constant") counts.set(name, (counts.get(name) ?? 0) + 1);
        continue;
      }
      if (isAlias) rootOf.set(node.output?.[0] ?? "", root);
      else counts.set(root, (counts.get(root) ?? 0) + 1);
    }
  }
  return counts;
}

const RESHAPES = new Set(["Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

function tailValues(
  makers: ReadonlyMap<string, NodePart>,
  readers: ReadonlyMap<string, number>,
  output: string,
) {
  const tail = new Set<string>();
  for (let name: string | undefined = output; name !== undefined && readers.get(name) === 1; ) {
    tail.add(name);
    const maker = makers.get(name);
    name = maker !== undefined && RESHAPES.has(maker.opType ?? "") ? maker.input?.[0] : undefined;
    if (name !== undefined && tail.has(name)) break;
  }
  return tail;
}

const WINDOWS = new Set(["Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Pad"]);
const FLATTENS = new Set([
  "Reshape",
  "Flatten",
  "Squeeze",
  "Gemm",
  "MatMul",
  "ReduceMean",
  "ReduceMax",
  "Shape",
]);

function imageValues(order: readonly NodePart[]) {
  const read = new Set<string>();
  for (const node of order.toReversed()) {
    const opType = node.opType ?? "";
    const passes = !FLATTENS.has(opType) && (node.output ?? []).some((name) => read.has(name));
    if (WINDOWS.has(opType) || passes) for (const name of node.input ?? []) read.add(name);
  }
  return read;
}

function fault(parts: ModelParts, subject: string, given: string, expected: string): ArgumentError {
  return new ArgumentError(`${parts.source.name}: ${subject}`, {
    given,
    expected,
    remedy: "The file is damaged or was put together wrongly: export it again.",
  });
}
