/**
 * MobileNet v1: thirteen pairs of a depthwise 3×3 and a pointwise 1×1 convolution. The first convolution has stride 2
 * for ImageNet and stride 1 for images below 128 pixels.
 */
import { NetworkBuilder } from "../network/builder.ts";
import { kaimingFanOut, smallNormal } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";
import { convNorm } from "./residualBlock.ts";

/** Output channels and stride of each pair. */
const PAIRS = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  ...Array.from({ length: 5 }, () => [512, 1] as const),
  [1024, 2],
  [1024, 1],
] as const;

export const mobilenetV1: ZooModel = {
  name: "mobilenet-v1",
  summary: "MobileNet v1: depthwise and pointwise convolutions, 32 to 1024 channels",
  source: "Howard et al. 2017, arXiv:1704.04861",
  heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet, HEADS.imageNet],
  initialisation: () => ({ conv: kaimingFanOut.conv, dense: smallNormal }),
  variants: ["cifar", "imagenet"],
  build(inputShape, classCount, variant) {
    const b = new NetworkBuilder("mobilenet-v1", inputShape);
    const stemStride = variant === "imagenet" ? 2 : 1;
    let x = b.relu(convNorm(b, "conv1", "bn1", b.input, { outChannels: 32, kernel: 3, stride: stemStride }));
    let channels = 32;
    for (const [index, [outChannels, stride]] of PAIRS.entries()) {
      const at = (part: string) => `layers.${index}.${part}`;
      const depthwise = { outChannels: channels, kernel: 3, stride, groups: channels };
      x = b.relu(convNorm(b, at("conv1"), at("bn1"), x, depthwise));
      x = b.relu(convNorm(b, at("conv2"), at("bn2"), x, { outChannels, kernel: 1 }));
      channels = outChannels;
    }
    return b.build(b.dense("fc", b.globalAveragePool(x), classCount));
  },
};
