/**
 * ResNet-18, 34, 50, 101 and 152. Images below 128 pixels (CIFAR, Tiny-ImageNet) meet a 3×3 convolution of stride 1;
 * larger ones (ImageNet) torchvision's 7×7 of stride 2 and a max pooling, and projections are then named `downsample`
 * as in torchvision's checkpoints, else `shortcut`.
 */
import { NetworkBuilder } from "../network/builder.ts";
import { kaimingFanOut } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";
import { basicBlock, bottleneckBlock, convNorm } from "./residualBlock.ts";

function resnet(depth: number, blockCounts: readonly number[], bottleneck: boolean): ZooModel {
  const name = `resnet${depth}`;
  return {
    name,
    summary: `ResNet-${depth}: ${bottleneck ? "bottleneck" : "basic"} blocks with 64 to 512 channels`,
    source: "He et al. 2016, arXiv:1512.03385; strides and names as torchvision",
    heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet, HEADS.imageNet],
    initialisation: () => kaimingFanOut,
    variants: ["cifar", "imagenet"],
    build(inputShape, classCount, variant) {
      const large = variant === "imagenet";
      const b = new NetworkBuilder(name, inputShape);
      const stem = large ? { kernel: 7, stride: 2 } : { kernel: 3 };
      let x = b.relu(convNorm(b, "conv1", "bn1", b.input, { outChannels: 64, ...stem }));
      if (large) x = b.maxPool2d(x, { kernel: 3, stride: 2, padding: 1 });
      const block = bottleneck ? bottleneckBlock : basicBlock;
      for (const [stage, blockCount] of blockCounts.entries()) {
        for (let at = 0; at < blockCount; at++) {
          const stride = stage > 0 && at === 0 ? 2 : 1;
          // the first bottleneck widens 64 channels to 256, so even the first stage projects
          const projects = at === 0 && (stage > 0 || bottleneck);
          const shortcut = projects ? (large ? "downsample" : "shortcut") : undefined;
          x = block(b, `layer${stage + 1}.${at}`, x, 64 << stage, stride, shortcut);
        }
      }
      return b.build(b.dense("fc", b.globalAveragePool(x), classCount));
    },
  };
}

export const resnets: readonly ZooModel[] = [
  resnet(18, [2, 2, 2, 2], false),
  resnet(34, [3, 4, 6, 3], false),
  resnet(50, [3, 4, 6, 3], true),
  resnet(101, [3, 4, 23, 3], true),
  resnet(152, [3, 8, 36, 3], true),
];
