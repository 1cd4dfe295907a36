/** Settings of the network that is trained: of the zoo, or of a file. */
import { zooEntries } from "@phew/core";
import { UsageError } from "../failure.ts";
import * as kind from "./kinds.ts";
import { DENSE } from "./pruning.ts";
import { setting, TRAINING } from "./setting.ts";

const names = zooEntries.map(({ name }) => name);

export const MODEL = {
  /** Name of the zoo, or path of a model file. */
  model: setting({
    type: kind.model(names),
    help: "name of the zoo, or a model file",
    required: true,
    identity: "always",
    inNames: { isBare: true },
  }),
  /** Beside a file of weights: what they are the weights of. Becomes `model`, and the file `startWeights`. */
  architecture: setting({
    type: kind.model(names),
    flag: "--architecture <name>",
    help: "zoo name, or model file, of the network whose weights the file holds",
    verbs: TRAINING,
    identity: "expanded",
    isPerCall: true,
  }),
  input: setting({
    type: kind.shape,
    flag: "--input <shape>",
    help: "channels,height,width or features, where a model file leaves them open; the data set's unless given",
    verbs: TRAINING,
    identity: "changed",
    isPerCall: true,
    conflict: ({ model, input }) => ofFiles(model, input),
  }),
  output: setting({
    type: kind.text("name of an output of a model file"),
    flag: "--output <name>",
    help: "of a model file with several outputs, the one that is trained",
    verbs: TRAINING,
    identity: "changed",
    isPerCall: true,
    conflict: ({ model, output }) => ofFiles(model, output),
  }),
  /** The dense network has so many weights as one of this density, by fewer units in every hidden layer. */
  narrowToDensity: setting({
    type: kind.share,
    flag: "--narrow-to-density <d>",
    help: "of a dense run: as many weights as this density keeps, by fewer units",
    verbs: { train: {} },
    identity: "changed",
    noun: "a density to narrow to",
    conflict: ({ model, method, narrowToDensity: value }) => {
      if (value === undefined) return undefined;
      if (typeof model === "string" && kind.isModelFile(model)) {
        return {
          given: `${value} for the network of ${model}`,
          expected: "it for a network of the zoo, whose layers can be made with fewer units",
          remedy: "Export the model with fewer units, and train that.",
        };
      }
      return method === DENSE
        ? undefined
        : { given: `${value} for a run that prunes by ${method}`, expected: "it with --method dense" };
    },
    inNames: { isPercent: true },
  }),
};

function ofFiles(model: unknown, value: unknown) {
  if (value === undefined || (typeof model === "string" && kind.isModelFile(model))) return undefined;
  return { given: `${value} for ${model}, a network of the zoo`, expected: "it for a model file alone" };
}

/**
 * Settings without `architecture`: `weights.pt` of an architecture is that network, trained from these weights.
 * @throws UsageError where the model is none of weights, or other weights are given too
 */
export function withoutArchitecture<S extends Readonly<Record<string, unknown>>>(settings: S): S {
  const { architecture, ...rest } = settings;
  if (architecture === undefined) return settings;
  const { model, startWeights } = rest as Readonly<Record<string, unknown>>;
  if (typeof model !== "string" || !kind.isModelFile(model)) {
    throw new UsageError("--architecture", {
      given: `it for the name "${model}"`,
      expected: "it with a weights file alone",
    });
  }
  if (startWeights !== undefined) {
    throw new UsageError("--start-weights", {
      given: `it beside ${model}, which training starts from`,
      expected: "one or the other",
    });
  }
  return { ...rest, model: architecture, startWeights: model } as unknown as S;
}
