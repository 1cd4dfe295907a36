/** The networks that can be asked for by name. Adding one: a file in this folder and a line here. */
import { ArgumentError, unknownName } from "../errors.ts";
import type { Network } from "../network/network.ts";
import type { Shape } from "../operations/shape.ts";
import { type Initialisation, kaimingFanIn } from "../weights/initialisation.ts";
import { cifarResnets } from "./cifarResnet.ts";
import { lenet5 } from "./lenet5.ts";
import { mlp } from "./mlp.ts";
import { mobilenetV1 } from "./mobilenetV1.ts";
import { mobilenetV2 } from "./mobilenetV2.ts";
import { usualVariant, type ZooHead, type ZooModel, type ZooVariant } from "./model.ts";
import { narrowTo } from "./narrow.ts";
import { resnets } from "./resnet.ts";
import { vggs } from "./vgg.ts";
import { vggSmall } from "./vggSmall.ts";

const models: ReadonlyMap<string, ZooModel> = new Map(
  [mlp, lenet5, vggSmall, ...vggs, ...cifarResnets, ...resnets, mobilenetV1, mobilenetV2].map((model) => [
    model.name,
    model,
  ]),
);

export interface ZooOptions {
  /** Number of classes, at least 1; the model's own unless said otherwise. */
  readonly classCount?: number | undefined;
  /** `[channels, height, width]` or `[features]`; the model's own unless said otherwise. */
  readonly inputShape?: Shape | undefined;
  /** Form of the family; that usual for the input's height unless said otherwise. */
  readonly variant?: ZooVariant | undefined;
  /** The density whose number of weights it has, dense with fewer units: narrow.ts. Its own units unless said otherwise. */
  readonly narrowTo?: number | undefined;
}

export interface ZooEntry {
  readonly name: string;
  readonly summary: string;
  readonly source: string;
  /** Input shape and class count where none are asked for. */
  readonly inputShape: Shape;
  readonly classCount: number;
  /** Number of prunable weights at that input shape and class count. */
  readonly prunableCount: number;
  /** The data sets it is known for, the default first. */
  readonly heads: readonly ZooHead[];
  /** Forms that differ in stem, strides or head; empty where there is one alone. */
  readonly variants: readonly ZooVariant[];
}

/** What there is, in the order of the story: small networks first, families together. */
export const zooEntries: readonly ZooEntry[] = [...models.values()].map(
  ({ name, summary, source, heads, variants = [] }) => ({
    name,
    summary,
    source,
    inputShape: heads[0].inputShape,
    classCount: heads[0].classCount,
    heads,
    variants,
    // counted when asked for: importing the zoo builds no network
    get prunableCount() {
      return zooModel(name).prunableCount;
    },
  }),
);

/**
 * Builds a network of the zoo. Its form follows the input: `resnet50` with `[3, 224, 224]` has ImageNet's stem, with
 * `[3, 32, 32]` CIFAR's.
 * @throws ArgumentError where the name is unknown (with the nearest one), the class count is not a whole number of at
 *   least 1, the input does not fit, or it cannot be narrowed as asked
 */
export function zooModel(name: string, options: ZooOptions = {}): Network {
  const model = modelByName(name);
  const { classCount = model.heads[0].classCount, inputShape = model.heads[0].inputShape } = options;
  if (!Number.isInteger(classCount) || classCount < 1) {
    throw new ArgumentError("class count", {
      given: `${classCount}`,
      expected: "a whole number of at least 1",
    });
  }
  const network = model.build(inputShape, classCount, variantFor(model, inputShape, options.variant));
  return options.narrowTo === undefined ? network : narrowTo(network, options.narrowTo);
}

/**
 * The variant that is built: the one wanted, else the one usual for the input.
 * @throws ArgumentError where the name is unknown, or the family has no such variant
 */
export function zooVariant(name: string, inputShape: Shape, wanted?: ZooVariant): ZooVariant {
  return variantFor(modelByName(name), inputShape, wanted);
}

/**
 * The same where the family has several forms, which is worth writing down; undefined where there is one alone, and for
 * names that are none of the zoo's.
 */
export function variantOfSeveral(
  name: string,
  inputShape: Shape,
  wanted?: ZooVariant,
): ZooVariant | undefined {
  const model = models.get(name);
  return model?.variants === undefined ? undefined : variantFor(model, inputShape, wanted);
}

function variantFor(
  { name, variants = [] }: ZooModel,
  inputShape: Shape,
  wanted: ZooVariant | undefined,
): ZooVariant {
  if (wanted !== undefined && variants.length > 0 && !variants.includes(wanted)) {
    throw new ArgumentError("variant", {
      given: `"${wanted}" of ${name}`,
      expected: `one of ${variants.join(", ")}`,
    });
  }
  const usual = wanted ?? usualVariant(inputShape);
  // a family without a form of its own for Tiny-ImageNet takes CIFAR's
  return variants.includes(usual) || variants.length === 0 ? usual : variants[0]!;
}

/** The initialisation that belongs to a zoo model; Kaiming fan-in for networks from elsewhere. */
export function ownInitialisation(network: Network): Initialisation {
  return models.get(network.name)?.initialisation(network.inputShape) ?? kaimingFanIn;
}

function modelByName(name: string): ZooModel {
  const model = models.get(name);
  if (model === undefined) throw unknownName("model", name, [...models.keys()]);
  return model;
}
