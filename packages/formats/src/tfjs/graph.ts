/** The network as it grows from layer to layer, and the weights of the file that its parameters come from. */
import { ArgumentError, definitionOf, type NodeSpec, type Operation, type Shape } from "@phew/core";
import type { JsonObject } from "../strictJson.ts";
import type { WeightSpec } from "./modelFile.ts";

/** Top, left, bottom, right. */
export type Padding = readonly [number, number, number, number];
export const NO_PADDING: Padding = [0, 0, 0, 0];

/** The output of a layer. */
export interface Value {
  /** Name of the node. */
  readonly node: string;
  /** Channels first. */
  readonly shape: Shape;
  /** Zeros that a layer put around it: the next convolution or pooling takes them over. */
  readonly padding: Padding;
  /** True if no element is negative. */
  readonly nonNegative: boolean;
  /** True after a softmax, which is left out: it is allowed only at the network's end. */
  readonly softmax: boolean;
  /** The input of a global average pooling, in case its height and width are restored. */
  readonly pooledFrom?: Value;
}

/** Source of a parameter's values: the file, or one number for all if the layer has none. */
export type ParameterSource = { readonly spec: WeightSpec } | { readonly constant: number };

/** Options of layers that count units: they change where units are cut out. `input` is the shape a model states. */
export type SizeOption = "filters" | "units" | "groups" | "target_shape" | "input";

interface NamedWeight {
  readonly spec: WeightSpec;
  /** The parts of its name. */
  readonly tokens: readonly string[];
}

/** Passes a softmax on: they change no number. */
const MOVES_ONLY = new Set(["flatten", "identity", "dropout"]);

export class TfjsGraph {
  readonly subject: string;
  readonly kerasVersion: string;
  readonly notes: string[] = [];
  /** Where the file states the number of units of a node: by node, the layer's configuration and the option in it. */
  readonly sizes: { readonly node: string; readonly config: JsonObject; readonly option: SizeOption }[] = [];
  /** By parameter name, which is the weight's name in the file. */
  readonly sources = new Map<string, ParameterSource>();
  readonly #specs = new Map<string, NodeSpec>();
  /** By every part of their names. */
  readonly #weights = new Map<string, NamedWeight[]>();

  constructor(subject: string, kerasVersion: string, weights: readonly WeightSpec[]) {
    this.subject = subject;
    this.kerasVersion = kerasVersion;
    for (const spec of weights) {
      const tokens = tokensOf(spec.name);
      for (const token of new Set(tokens)) {
        const named = this.#weights.get(token) ?? [];
        named.push({ spec, tokens });
        this.#weights.set(token, named);
      }
    }
  }

  input(name: string, shape: Shape): Value {
    return this.add(name, { kind: "input", shape }, []);
  }

  /** Adds a node. @param known of its value, beside what follows from its inputs */
  add(name: string, op: Operation, inputs: readonly Value[], known: Partial<Value> = {}): Value {
    if (inputs.some((value) => value.softmax) && !MOVES_ONLY.has(op.kind)) {
      throw this.fault(name, "a softmax before it", "softmax at the network's end alone");
    }
    if (inputs.some((value) => value.padding.some((p) => p > 0))) {
      throw this.fault(name, "zero padding before it", "zero padding before a convolution or pooling alone");
    }
    let node = name;
    while (this.#specs.has(node)) node += "'";
    this.#specs.set(node, { name: node, op, inputs: inputs.map((value) => value.node) });
    const shapes = inputs.map(({ shape }) => shape);
    const { shape, isNonNegative } = definitionOf(op);
    return {
      node,
      shape: shape(op, shapes, name),
      padding: NO_PADDING,
      nonNegative: isNonNegative(
        op,
        inputs.map((value) => value.nonNegative),
      ),
      softmax: inputs.some((value) => value.softmax),
      ...known,
    };
  }

  /**
   * Finds a layer's weight in the file and makes it a parameter.
   * @param kind such as `kernel`
   * @param index place among the layer's weights, which is its name in files of Keras 3
   * @param shape in TensorFlow's layout
   * @returns the parameter's name
   */
  weight(layer: string, kind: string, index: number, shape: readonly number[]): string {
    const spec = this.#find(layer, kind, index);
    const fits =
      spec.shape.length === shape.length && shape.every((length, axis) => length === spec.shape[axis]);
    if (!fits || spec.dtype !== "F32") {
      throw new ArgumentError(`${this.subject}: weight "${spec.name}"`, {
        given: `${spec.dtype} of shape [${spec.shape.join(", ")}]`,
        expected: `F32 of shape [${shape.join(", ")}]`,
        remedy: "The topology and the weights are not of one model.",
      });
    }
    this.sources.set(spec.name, { spec });
    return spec.name;
  }

  /** A parameter that the layer has not, all of one number. */
  constant(layer: string, kind: string, constant: number): string {
    const name = `${layer}/${kind}`;
    this.sources.set(name, { constant });
    return name;
  }

  /** Notes that an option of the file counts a node's units. @returns the node's value */
  sized(value: Value, config: JsonObject, option: SizeOption): Value {
    this.sizes.push({ node: value.node, config, option });
    return value;
  }

  /** The nodes that lead to `outputs`. */
  specsTo(outputs: readonly string[]): NodeSpec[] {
    const reached = new Set(outputs);
    // grows while it is walked through
    for (const name of reached) for (const input of this.#specs.get(name)!.inputs) reached.add(input);
    return [...this.#specs.values()].filter(({ name }) => reached.has(name));
  }

  fault(layer: string, given: string, expected: string, remedy?: string): ArgumentError {
    const place = `${this.subject}: layer "${layer}"`;
    return new ArgumentError(place, { given, expected, remedy });
  }

  #find(layer: string, kind: string, index: number): WeightSpec {
    const last = [kind, String(index)];
    const candidates = (this.#weights.get(layer) ?? []).filter(({ tokens }) => last.includes(tokens.at(-1)!));
    const exact = candidates.filter(({ tokens }) => tokens.length === 2 && tokens[0] === layer);
    const near = candidates.filter(({ tokens }) => tokens.at(-2) === layer);
    const found = [exact, near, candidates].find((list) => list.length > 0) ?? [];
    if (found.length === 1) return found[0]!.spec;
    throw this.fault(
      layer,
      found.length === 0
        ? `no weight ${layer}/${kind}`
        : `the weights ${found.map(({ spec }) => spec.name).join(", ")}`,
      `one weight ${layer}/${kind} in the manifest`,
    );
  }
}

/** `model/_layer_checkpoint_dependencies/conv/vars/0` and `conv/kernel:0` without what only files need. */
function tokensOf(name: string): string[] {
  const plain = name.replace(/:\d+$/, "");
  return plain
    .split("/")
    .filter((token) => !["vars", "layers", "_layer_checkpoint_dependencies"].includes(token));
}
