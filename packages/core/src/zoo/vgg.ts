/**
 * VGG with batch normalisation, configurations A, B, D and E; convolutions have biases.
 * - small images (CIFAR): four max poolings, the mean of what is left, one dense layer;
 * - medium (Tiny-ImageNet): five max poolings, dense layers of 1024 and 1024 features with dropout;
 * - large (ImageNet): a mean over windows that leaves 7×7 (nothing at 224×224), then the same with 4096, as torchvision.
 */
import { ArgumentError } from "../errors.ts";
import { NetworkBuilder, type Value } from "../network/builder.ts";
import type { Shape } from "../operations/shape.ts";
import { kaimingFanIn, kaimingFanOut, smallNormal } from "../weights/initialisation.ts";
import { HEADS, usualVariant, type ZooModel } from "./model.ts";

function vgg(depth: number, convCounts: readonly number[]): ZooModel {
  const name = `vgg${depth}-bn`;
  return {
    name,
    summary: `VGG-${depth} with batch normalisation: 64 to 512 channels of 3×3 kernels`,
    source: "Simonyan & Zisserman 2015, arXiv:1409.1556; names as torchvision",
    heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet, HEADS.imageNet],
    initialisation: (inputShape) => ({
      conv: (usualVariant(inputShape) === "cifar" ? kaimingFanIn : kaimingFanOut).conv,
      dense: smallNormal,
    }),
    variants: ["cifar", "tiny-imagenet", "imagenet"],
    build(inputShape, classCount, variant) {
      const b = new NetworkBuilder(name, inputShape);
      let x: Value = b.input;
      // PyTorch numbers every layer of a sequence, parameters or not
      let index = 0;
      for (const [stage, convCount] of convCounts.entries()) {
        for (let conv = 0; conv < convCount; conv++, index += 3) {
          const outChannels = Math.min(512, 64 << stage);
          x = b.conv2d(`features.${index}`, x, { outChannels, kernel: 3, padding: 1 });
          x = b.relu(b.batchNorm(`features.${index + 1}`, x));
        }
        if (variant === "cifar" && stage === convCounts.length - 1) break;
        x = b.maxPool2d(x, { kernel: 2 });
        index++;
      }
      if (variant === "cifar") return b.build(b.dense("classifier", b.globalAveragePool(x), classCount));
      if (variant === "imagenet") x = pooledTo7(b, name, x, inputShape);
      const hidden = variant === "tiny-imagenet" ? 1024 : 4096;
      x = b.dropout(0.5, b.relu(b.dense("classifier.0", b.flatten(x), hidden)));
      x = b.dropout(0.5, b.relu(b.dense("classifier.3", x, hidden)));
      return b.build(b.dense("classifier.6", x, classCount));
    },
  };
}

/**
 * PyTorch's adaptive average pooling: output i is the mean of ⌊i·n/7⌋ … ⌈(i+1)·n/7⌉ − 1 of n.
 * @throws ArgumentError where these windows are not all of one size and distance
 */
function pooledTo7(b: NetworkBuilder, name: string, x: Value, [, height = 0, width = 0]: Shape): Value {
  // five poolings by 2 come before
  const sides = [height >> 5, width >> 5];
  const windows = sides.map((length) => {
    const stride = Math.floor(length / 7);
    const kernel = Math.ceil(length / 7);
    const isEven = [0, 1, 2, 3, 4, 5, 6].every(
      (i) =>
        Math.floor((i * length) / 7) === i * stride &&
        Math.ceil(((i + 1) * length) / 7) === i * stride + kernel,
    );
    return isEven ? { kernel, stride } : undefined;
  });
  const [vertical, horizontal] = windows;
  if (vertical === undefined || horizontal === undefined) {
    throw new ArgumentError(`${name}: input`, {
      given: `images of ${height}×${width}, which leave ${sides.join("×")} before the dense layers: torchvision pools that to 7×7 by windows of several sizes`,
      expected: "images that leave 7×7, 8×8 or a multiple of 7",
      remedy: "Give --input 3,224,224, what the weights were trained on.",
    });
  }
  if (vertical.kernel === 1 && horizontal.kernel === 1) return x;
  return b.averagePool2d(x, {
    kernel: [vertical.kernel, horizontal.kernel],
    stride: [vertical.stride, horizontal.stride],
  });
}

export const vggs: readonly ZooModel[] = [
  vgg(11, [1, 1, 2, 2, 2]),
  vgg(13, [2, 2, 2, 2, 2]),
  vgg(16, [2, 2, 3, 3, 3]),
  vgg(19, [2, 2, 4, 4, 4]),
];
