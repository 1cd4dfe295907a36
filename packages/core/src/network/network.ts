/** A network: a directed acyclic graph of operations over named parameters. Shapes are inferred and checked once. */

import { ArgumentError, unknownName } from "../errors.ts";
import type { Parameter } from "../operations/definition.ts";
import { definitionOf, type Operation, operations } from "../operations/registry.ts";
import { elementCount, type Shape } from "../operations/shape.ts";
import { counted } from "../quantity.ts";

/** An operation as it is specified: by name, with the names of the nodes that it reads. */
export interface NodeSpec {
  readonly name: string;
  readonly op: Operation;
  readonly inputs: readonly string[];
}

/** A node of a network. Nodes are in topological order: every input has a lower index. */
export interface Node {
  readonly name: string;
  readonly op: Operation;
  /** Indices of the nodes whose values it reads. */
  readonly inputs: readonly number[];
  /** Indices of the nodes that read its value. */
  readonly consumers: readonly number[];
  /** Shape of its value, without the batch axis. */
  readonly shape: Shape;
  /** Its own parameters, the prunable weight first. */
  readonly parameters: readonly Parameter[];
}

/** A parameter whose weights count for density, with its position among all prunable weights. */
export interface PrunableParameter extends Parameter {
  /** Index of the first node that has it. */
  readonly node: number;
  /** Indices of all nodes that have it, ascending: several where layers share their weights. */
  readonly nodes: readonly number[];
  /** Number of its weights before it, in the order of `network.prunable`. */
  readonly start: number;
  /** Number of its weights. */
  readonly length: number;
}

export interface Network {
  readonly name: string;
  /** Topological order; node 0 is an input, `output` the last. */
  readonly nodes: readonly Node[];
  /** Indices of the input nodes, in the order in which they were given. */
  readonly inputs: readonly number[];
  /** Index of the node whose value is the network's output. */
  readonly output: number;
  /** Of one example; where there are several inputs, `[elements]` of all of them, one after the other. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Every parameter once, in the order in which the nodes were given (a file's own order). */
  readonly parameters: readonly Parameter[];
  /** Weights of convolutions and dense layers, in the same order. Density is a fraction of these. */
  readonly prunable: readonly PrunableParameter[];
  /** Number of prunable weights. */
  readonly prunableCount: number;
  /** Name of each parameter that is always equal to another → the other's (`untied.ts`); absent: there is none. */
  readonly copies?: ReadonlyMap<string, string>;
}

/**
 * Builds a network from operations in any order, with at least one `input`. Layers that name the same parameters share
 * them: the parameter is there once, its gradient is the sum over the layers.
 * @param output name of the node whose value is the network's output
 * @throws ArgumentError if a name is unknown or used twice, the graph has a cycle, shapes do not fit, or a node is
 * not on a way from input to output; the message names the node
 */
export function buildNetwork(name: string, specs: readonly NodeSpec[], output: string): Network {
  const byName = new Map<string, NodeSpec>();
  for (const spec of specs) {
    if (byName.has(spec.name)) {
      throw new ArgumentError(`layer "${spec.name}"`, {
        given: "the name twice",
        expected: "a name of its own for each layer",
      });
    }
    byName.set(spec.name, spec);
  }
  const inputNodes = specs.filter((spec) => spec.op.kind === "input");
  if (inputNodes.length === 0) {
    throw new ArgumentError(`network "${name}"`, { given: "no input", expected: "at least one" });
  }
  const order = topologicalOrder(name, specs, byName, output);
  const indexOf = new Map(order.map((spec, index) => [spec.name, index]));
  const consumers: number[][] = order.map(() => []);
  const nodes: Node[] = [];
  for (const [index, spec] of order.entries()) {
    const definition = definitionOf(spec.op);
    const [least, most] = definition.arity;
    if (spec.inputs.length < least || spec.inputs.length > most) {
      throw new ArgumentError(`layer "${spec.name}"`, {
        given: counted(spec.inputs.length, "input"),
        expected: `${least === most ? least : `at least ${least}`} for ${spec.op.kind}`,
      });
    }
    const inputs = spec.inputs.map((input) => indexOf.get(input)!);
    for (const input of new Set(inputs)) consumers[input]!.push(index);
    const inputShapes = inputs.map((input) => nodes[input]!.shape);
    const shape = definition.shape(spec.op, inputShapes, spec.name);
    const parameters = definition.parameters(spec.op, inputShapes, spec.name);
    nodes.push({ name: spec.name, op: spec.op, inputs, consumers: consumers[index]!, shape, parameters });
  }
  const { parameters, prunable } = collectParameters(specs, nodes, indexOf);
  if (prunable.length === 0) {
    throw new ArgumentError(`network "${name}"`, {
      given: "no convolution and no dense layer",
      expected: "at least one",
    });
  }
  const last = prunable[prunable.length - 1]!;
  const inputs = inputNodes.map((spec) => indexOf.get(spec.name)!);
  const [{ shape: inputShape }] = inputs.map((input) => nodes[input]!) as [Node];
  return {
    name,
    nodes,
    inputs,
    output: indexOf.get(output)!,
    inputShape:
      inputs.length === 1
        ? inputShape
        : [inputs.reduce((sum, input) => sum + elementCount(nodes[input]!.shape), 0)],
    outputShape: nodes[indexOf.get(output)!]!.shape,
    parameters,
    prunable,
    prunableCount: last.start + last.length,
  };
}

/** Depth-first from the output, without recursion: networks may have thousands of layers. */
function topologicalOrder(
  name: string,
  specs: readonly NodeSpec[],
  byName: ReadonlyMap<string, NodeSpec>,
  output: string,
): NodeSpec[] {
  const find = (wanted: string, by: string): NodeSpec => {
    const spec = byName.get(wanted);
    if (spec === undefined) throw unknownName(`${by}: input`, wanted, [...byName.keys()].slice(0, 40));
    return spec;
  };
  const order: NodeSpec[] = [];
  const state = new Map<string, "open" | "done">();
  const stack: { spec: NodeSpec; next: number }[] = [{ spec: find(output, `network "${name}"`), next: 0 }];
  state.set(output, "open");
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const wanted = top.spec.inputs[top.next++];
    if (wanted === undefined) {
      order.push(top.spec);
      state.set(top.spec.name, "done");
      stack.pop();
      continue;
    }
    const spec = find(wanted, `layer "${top.spec.name}"`);
    if (state.get(wanted) === "open") {
      throw new ArgumentError(`layer "${wanted}"`, {
        given: "a cycle through it",
        expected: "a graph without cycles",
      });
    }
    if (state.get(wanted) === undefined) {
      state.set(wanted, "open");
      stack.push({ spec, next: 0 });
    }
  }
  const stray = specs.find((spec) => !state.has(spec.name));
  if (stray !== undefined) {
    throw new ArgumentError(`layer "${stray.name}"`, {
      given: "a value that never reaches the output",
      expected: "every layer on a way from input to output",
      remedy: "Remove it, or name another output.",
    });
  }
  const rootless = order.find(
    (spec) => spec.inputs.length === 0 && !(spec.op.kind in operations && spec.op.kind === "input"),
  );
  if (rootless !== undefined) {
    throw new ArgumentError(`layer "${rootless.name}"`, { given: "no inputs", expected: "at least one" });
  }
  return order;
}

function collectParameters(
  specs: readonly NodeSpec[],
  nodes: readonly Node[],
  indexOf: ReadonlyMap<string, number>,
) {
  const parameters: Parameter[] = [];
  const prunable: PrunableParameter[] = [];
  const seen = new Map<string, { readonly owner: string; readonly parameter: Parameter; nodes: number[] }>();
  let start = 0;
  for (const spec of specs) {
    const node = indexOf.get(spec.name)!;
    for (const parameter of nodes[node]!.parameters) {
      const known = seen.get(parameter.name);
      if (known !== undefined) {
        requireAlike(known, parameter, spec.name);
        known.nodes.push(node);
        continue;
      }
      const owners = [node];
      seen.set(parameter.name, { owner: spec.name, parameter, nodes: owners });
      parameters.push(parameter);
      if (parameter.role === "weight") {
        const length = elementCount(parameter.shape);
        prunable.push({ ...parameter, node, nodes: owners, start, length });
        start += length;
      }
    }
  }
  return { parameters, prunable };
}

/** @throws ArgumentError if layers that share a parameter have it in different shapes or roles */
function requireAlike(
  { owner, parameter }: { readonly owner: string; readonly parameter: Parameter },
  other: Parameter,
  layer: string,
): void {
  if (parameter.role === other.role && parameter.shape.join() === other.shape.join()) return;
  const text = ({ role, shape }: Parameter) => `${role} [${shape.join(", ")}]`;
  throw new ArgumentError(`parameter "${other.name}"`, {
    given: `${text(parameter)} in the layer "${owner}" and ${text(other)} in "${layer}"`,
    expected: "one role and shape for all layers that share it",
  });
}

/** Names of the parameters that several layers have. */
export function sharedParameters({ nodes }: Network): ReadonlySet<string> {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { parameters } of nodes) {
    for (const { name } of parameters) {
      if (seen.has(name)) shared.add(name);
      seen.add(name);
    }
  }
  return shared;
}
