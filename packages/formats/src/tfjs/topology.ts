/** Keras' description of a model, of Keras 1, 2 or 3, brought into one form: layers, and the values each call reads. */
import { ArgumentError } from "@phew/core";
import { isObject, type JsonObject } from "../strictJson.ts";

/** Output `tensor` of the call `call` of a layer. */
export interface ValueRef {
  readonly layer: string;
  readonly call: number;
  readonly tensor: number;
}

export interface LayerConfig {
  readonly name: string;
  /** Such as `Conv2D`. */
  readonly className: string;
  readonly config: JsonObject;
  /** The values that each call reads; none for an input layer. */
  readonly calls: readonly (readonly ValueRef[])[];
  /** The nested model, if the layer is one. */
  readonly model?: ModelConfig;
}

export interface ModelConfig {
  readonly name: string;
  readonly layers: readonly LayerConfig[];
  /** Layers whose values come from outside. */
  readonly inputs: readonly ValueRef[];
  readonly outputs: readonly ValueRef[];
}

const MODEL_CLASSES = ["Sequential", "Functional", "Model"];
/** Models inside models. */
const MAX_NESTING = 8;

/** @param topology `{class_name, config}` @throws ArgumentError if it is not valid for Keras */
export function modelConfig(subject: string, topology: JsonObject, nesting = 0): ModelConfig {
  const { class_name: className, config } = topology;
  if (typeof className !== "string" || !MODEL_CLASSES.includes(className) || nesting > MAX_NESTING) {
    throw new ArgumentError(subject, {
      given:
        nesting > MAX_NESTING
          ? "models nested too deeply"
          : `a model of the class ${JSON.stringify(className)}`,
      expected: MODEL_CLASSES.join(" or "),
      remedy: "Subclassed models have no layers on file: bring the model as ONNX.",
    });
  }
  // Keras 1 has the list of layers itself in the place of the configuration
  const body = isObject(config) ? config : { layers: config };
  if (!Array.isArray(body.layers) || body.layers.length === 0)
    throw broken(subject, "a model without layers");
  const name = typeof body.name === "string" ? body.name : "model";
  return className === "Sequential"
    ? sequential(subject, name, body.layers, nesting)
    : functional(subject, name, body, body.layers, nesting);
}

function sequential(
  subject: string,
  name: string,
  entries: readonly unknown[],
  nesting: number,
): ModelConfig {
  const layers: LayerConfig[] = [];
  for (const entry of entries) {
    const layer = layerConfig(subject, entry, nesting);
    const before = layers.at(-1);
    if (before !== undefined) {
      layers.push({ ...layer, calls: [[{ layer: before.name, call: 0, tensor: 0 }]] });
      continue;
    }
    if (layer.className === "InputLayer") {
      layers.push(layer);
      continue;
    }
    // the first layer, or the first one of a nested first model, states the input shape
    const input = `${layer.name}_input`;
    layers.push({ name: input, className: "InputLayer", config: firstConfig(layer), calls: [] });
    layers.push({ ...layer, calls: [[{ layer: input, call: 0, tensor: 0 }]] });
  }
  const ends = [layers[0]!, layers.at(-1)!].map(({ name: layer }) => [{ layer, call: 0, tensor: 0 }]);
  return { name, layers: requireNames(subject, layers), inputs: ends[0]!, outputs: ends[1]! };
}

function functional(
  subject: string,
  name: string,
  body: JsonObject,
  entries: readonly unknown[],
  nesting: number,
): ModelConfig {
  const layers = entries.map((entry): LayerConfig => {
    const layer = layerConfig(subject, entry, nesting);
    const nodes = isObject(entry) ? entry.inbound_nodes : undefined;
    if (!Array.isArray(nodes)) throw broken(`${subject}: layer "${layer.name}"`, "no inbound_nodes");
    return { ...layer, calls: nodes.map((node) => callInputs(`${subject}: layer "${layer.name}"`, node)) };
  });
  return {
    name,
    layers: requireNames(subject, layers),
    inputs: refs(subject, body.input_layers),
    outputs: refs(subject, body.output_layers),
  };
}

function layerConfig(subject: string, entry: unknown, nesting: number): LayerConfig {
  const { class_name: className, config, name: outerName } = isObject(entry) ? entry : {};
  const inner = isObject(config) ? config : {};
  const name = typeof outerName === "string" ? outerName : inner.name;
  if (
    typeof className !== "string" ||
    typeof name !== "string" ||
    (!isObject(config) && !Array.isArray(config))
  )
    throw broken(subject, "a layer without class_name, name and config");
  const layer = { name, className: usualClass(className), config: inner, calls: [] };
  return MODEL_CLASSES.includes(className)
    ? { ...layer, model: modelConfig(subject, entry as JsonObject, nesting + 1) }
    : layer;
}

/**
 * TensorFlow 1 and the first of 2 wrote some classes with a version (BatchNormalizationV1, DenseV2), which compute the
 * same; statistics over several devices make no difference once they are there.
 */
function usualClass(className: string): string {
  const plain = className.replace(/^([A-Z]\w+?)V[12]$/, "$1");
  return plain === "SyncBatchNormalization" ? "BatchNormalization" : plain;
}

/** The configuration that states a model's input shape: its first layer's, or that of the first of a model inside. */
function firstConfig(layer: LayerConfig): JsonObject {
  const first = layer.model?.layers[0];
  return first === undefined ? layer.config : firstConfig(first);
}

/** The values that a call reads, out of Keras 2's `[["conv", 0, 0, {}]]` or Keras 3's `{args: […]}`. */
function callInputs(subject: string, node: unknown): ValueRef[] {
  if (Array.isArray(node)) return node.map((item) => ref(subject, item));
  if (!isObject(node) || !Array.isArray(node.args)) throw broken(subject, "inbound_nodes of an unknown form");
  const found: ValueRef[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isObject(value) && value.class_name === "__keras_tensor__" && isObject(value.config))
      found.push(ref(subject, value.config.keras_history));
  };
  visit(node.args);
  return found;
}

/** One `["conv", 0, 0]` for a model with one input, as Keras 3 writes it, or a list of them. */
function refs(subject: string, value: unknown): ValueRef[] {
  if (!Array.isArray(value)) throw broken(subject, "a model without inputs and outputs");
  return typeof value[0] === "string" ? [ref(subject, value)] : value.map((item) => ref(subject, item));
}

function ref(subject: string, value: unknown): ValueRef {
  const [layer, call, tensor] = Array.isArray(value) ? value : [];
  if (typeof layer !== "string" || !Number.isSafeInteger(call) || !Number.isSafeInteger(tensor))
    throw broken(subject, "a value that is not [layer, call, tensor]");
  return { layer, call: call as number, tensor: tensor as number };
}

function requireNames(subject: string, layers: readonly LayerConfig[]): readonly LayerConfig[] {
  const seen = new Set<string>();
  for (const { name } of layers) {
    if (seen.has(name)) throw broken(subject, `the layer "${name}" twice`);
    seen.add(name);
  }
  return layers;
}

function broken(subject: string, given: string): ArgumentError {
  return new ArgumentError(subject, { given, expected: "a model as Keras describes it" });
}
