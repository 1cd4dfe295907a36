/** Keras' activations in our words. */
import type { Operation } from "@phew/core";
import { isObject, type JsonObject } from "../strictJson.ts";

type Activation = Extract<Operation, { kind: "activation" }>;

/** `softmax` and `linear` are no operations of their own; undefined: not supported. */
export type KerasActivation = Activation | "linear" | "softmax" | undefined;

const NAMES: Readonly<Record<string, Activation["name"]>> = {
  relu: "relu",
  relu6: "relu6",
  sigmoid: "sigmoid",
  tanh: "tanh",
  gelu: "gelu",
  swish: "silu",
  silu: "silu",
  hard_silu: "hardSwish",
  hard_swish: "hardSwish",
  elu: "elu",
  softplus: "softplus",
};

/** An activation by its name, as layers have it in `activation`. */
export function activationByName(value: unknown, kerasVersion: string): KerasActivation {
  if (value === null || value === undefined || value === "linear") return "linear";
  if (value === "softmax") return "softmax";
  if (typeof value !== "string") return undefined;
  // Keras 3 changed it from 0.2·x + 0.5 to PyTorch's x / 6 + 0.5
  if (value === "hard_sigmoid" && kerasVersion.startsWith("3"))
    return { kind: "activation", name: "hardSigmoid" };
  if (value === "leaky_relu") return { kind: "activation", name: "leakyRelu", alpha: 0.2 };
  return Object.hasOwn(NAMES, value) ? { kind: "activation", name: NAMES[value]! } : undefined;
}

/** The layers that are an activation. */
export const ACTIVATION_LAYERS: Readonly<
  Record<string, (config: JsonObject, kerasVersion: string) => KerasActivation>
> = {
  Activation: (config, kerasVersion) => activationByName(config.activation, kerasVersion),
  Softmax: (config) => (config.axis === undefined || config.axis === -1 ? "softmax" : undefined),
  ReLU: (config) => {
    const slope = numberOf(config.negative_slope ?? 0);
    const most = config.max_value ?? null;
    if ((config.threshold ?? 0) !== 0 || slope === undefined) return undefined;
    if (slope === 0 && (most === null || most === 6))
      return { kind: "activation", name: most === 6 ? "relu6" : "relu" };
    return most === null ? { kind: "activation", name: "leakyRelu", alpha: slope } : undefined;
  },
  LeakyReLU: (config) => {
    const alpha = numberOf(config.alpha ?? config.negative_slope ?? 0.3);
    return alpha === undefined ? undefined : { kind: "activation", name: "leakyRelu", alpha };
  },
  ELU: (config) => {
    const alpha = numberOf(config.alpha ?? 1);
    return alpha === undefined ? undefined : { kind: "activation", name: "elu", alpha };
  },
};

/** Some converters wrote numbers as `{"type": "ndarray", "value": 0.3}`. */
function numberOf(value: unknown): number | undefined {
  const plain = isObject(value) && "value" in value ? value.value : value;
  return typeof plain === "number" && Number.isFinite(plain) ? plain : undefined;
}
