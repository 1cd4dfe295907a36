/** What a zoo model tells about itself; the families are one file each in this folder, listed in zoo.ts. */
import type { Network } from "../network/network.ts";
import type { Shape } from "../operations/shape.ts";
import type { Initialisation } from "../weights/initialisation.ts";

/** The data set a model is built for: what goes in and how many classes come out. */
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
  /** Paper, or the code whose structure and parameter names it has. */
  readonly source: string;
  /** The data sets it is known for; the first gives input shape and class count where none are asked for. */
  readonly heads: readonly [ZooHead, ...ZooHead[]];
  /** Forms of it that differ in stem, strides or head; none where it has one alone. The last is that of large images. */
  readonly variants?: readonly ZooVariant[];
  /** How its weights are drawn where nothing else is asked for. */
  initialisation(inputShape: Shape): Initialisation;
  /**
   * @param variant one of `variants`, of no meaning where there are none
   * @throws ArgumentError where the input is not what it can take; the message names the layer
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
 * Families have a form for each size of image, named after the data set it is known for: tensors alone do not always
 * tell which it is, since strides have none.
 */
export type ZooVariant = "cifar" | "tiny-imagenet" | "imagenet";

/** The variant usual for a height: below 48 CIFAR's, MNIST's and flat inputs'; below 128 Tiny-ImageNet's; else ImageNet's. */
export function usualVariant(inputShape: Shape): ZooVariant {
  const height = inputShape[1] ?? 1;
  return height < 48 ? "cifar" : height < 128 ? "tiny-imagenet" : "imagenet";
}
