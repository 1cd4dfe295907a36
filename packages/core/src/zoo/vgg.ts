/**
 * VGG with batch normalisation, configurations A, B, D and E; convolutions have biases.
 * - small images (CIFAR): four max poolings, the mean of what is left, one dense layer;
 * - medium (Tiny-ImageNet): five max poolings, dense layers of 1024 and 1024 features with dropout;
 * - large (ImageNet): the same with 4096, as torchvision for 224×224.
 */
import { NetworkBuilder, type Value } from "../network/builder.ts";
import { kaimingFanIn, kaimingFanOut, smallNormal } from "../weights/initialisation.ts";
import { HEADS, imageSize, type ZooModel } from "./model.ts";

function vgg(depth: number, convCounts: readonly number[]): ZooModel {
  const name = `vgg${depth}-bn`;
  return {
    name,
    summary: `VGG-${depth} with batch normalisation: 64 to 512 channels of 3×3 kernels`,
    source: "Simonyan & Zisserman 2015, arXiv:1409.1556; names as torchvision",
    heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet, HEADS.imageNet],
    initialisation: (inputShape) => ({
      conv: (imageSize(inputShape) === "small" ? kaimingFanIn : kaimingFanOut).conv,
      dense: smallNormal,
    }),
    build(inputShape, classCount) {
      const size = imageSize(inputShape);
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
        if (size === "small" && stage === convCounts.length - 1) break;
        x = b.maxPool2d(x, { kernel: 2 });
        index++;
      }
      if (size === "small") return b.build(b.dense("classifier", b.globalAveragePool(x), classCount));
      const hidden = size === "medium" ? 1024 : 4096;
      x = b.dropout(0.5, b.relu(b.dense("classifier.0", b.flatten(x), hidden)));
      x = b.dropout(0.5, b.relu(b.dense("classifier.3", x, hidden)));
      return b.build(b.dense("classifier.6", x, classCount));
    },
  };
}

export const vggs: readonly ZooModel[] = [
  vgg(11, [1, 1, 2, 2, 2]),
  vgg(13, [2, 2, 2, 2, 2]),
  vgg(16, [2, 2, 3, 3, 3]),
  vgg(19, [2, 2, 4, 4, 4]),
];
