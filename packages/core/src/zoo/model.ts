/** What a zoo model declares; one file per family in this folder, listed in zoo.ts. */
import type { Network } from "../network/network.ts";
import type { Shape } from "../operations/shape.ts";
import type { Initialisation } from "../weights/initialisation.ts";

/** A data set that a model is built for: input shape and number of classes. */
export interface ZooHead {
  /** `mnist`, `glyphs`, `cifar10`, `cifar100`, `tiny-imagenet` or `imagenet`. */
  readonly dataSet: string;
  readonly inputShape: Shape;
  readonly classCount: number;
}

export interface ZooModel {
  readonly name: string;
  /** One line for lists and help. */
  readonly summary: string;
  /** Paper, or the code whose structure and parameter names it follows. */
  readonly source: string;
  /** The data sets it is known for; the first gives the default input shape and class count. */
  readonly heads: readonly [ZooHead, ...ZooHead[]];
  /** Variants that differ in stem, strides or head; absent if there is only one. The last is for large images. */
  readonly variants?: readonly ZooVariant[];
  /** Its default initialisation. */
  initialisation(inputShape: Shape): Initialisation;
  /**
   * @param variant one of `variants`, ignored if there are none
   * @throws ArgumentError for an input that it cannot take; the message names the layer
   */
  build(inputShape: Shape, classCount: number, variant: ZooVariant): Network;
}

export const HEADS = {
  mnist: { dataSet: "mnist", inputShape: [1, 28, 28], classCount: 10 },
  mnistFlat: { dataSet: "mnist", inputShape: [784], classCount: 10 },
  glyphs: { dataSet: "glyphs", inputShape: [1, 28, 28], classCount: 10 },
  cifar10: { dataSet: "cifar10", inputShape: [3, 32, 32], classCount: 10 },
  cifar100: { dataSet: "cifar100", inputShape: [3, 32, 32], classCount: 100 },
  tinyImageNet: { dataSet: "tiny-imagenet", inputShape: [3, 64, 64], classCount: 200 },
  imageNet: { dataSet: "imagenet", inputShape: [3, 224, 224], classCount: 1000 },
} as const satisfies Record<string, ZooHead>;

/**
 * Variants for image sizes, named after the data set they are known for. Tensors alone do not always identify the
 * variant, since strides have none.
 */
export type ZooVariant = "cifar" | "tiny-imagenet" | "imagenet";

/**
 * The usual variant for a height: below 48 CIFAR's (also for flat inputs); below 128 Tiny-ImageNet's; else
 * ImageNet's.
 */
export function usualVariant(inputShape: Shape): ZooVariant {
  const height = inputShape[1] ?? 1;
  return height < 48 ? "cifar" : height < 128 ? "tiny-imagenet" : "imagenet";
}
