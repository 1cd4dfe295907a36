/**
 * The residual networks for CIFAR: depth 6n + 2, three stages of n basic blocks with 16, 32 and 64 channels (wide:
 * 32, 64, 128). The second and third stage start with stride 2 and a 1×1 projection shortcut (option B).
 */
import { NetworkBuilder, type Value } from "../network/builder.ts";
import { kaimingFanIn } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";
import { basicBlock, convNorm } from "./residualBlock.ts";

function cifarResnet(name: string, depth: number, width: number, summary: string): ZooModel {
  return {
    name,
    summary,
    source: "He et al. 2016, arXiv:1512.03385, section 4.2, with projection shortcuts",
    heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet],
    initialisation: () => kaimingFanIn,
    build(inputShape, classCount) {
      const b = new NetworkBuilder(name, inputShape);
      let x: Value = b.relu(convNorm(b, "conv1", "bn1", b.input, { outChannels: width, kernel: 3 }));
      for (const stage of [1, 2, 3]) {
        for (let block = 0; block < (depth - 2) / 6; block++) {
          const stride = stage > 1 && block === 0 ? 2 : 1;
          const shortcut = stride === 2 ? "shortcut" : undefined;
          x = basicBlock(b, `layer${stage}.${block}`, x, width << (stage - 1), stride, shortcut);
        }
      }
      return b.build(b.dense("fc", b.globalAveragePool(x), classCount));
    },
  };
}

export const cifarResnets: readonly ZooModel[] = [
  ...[20, 32, 44, 56, 110].map((depth) =>
    cifarResnet(`resnet${depth}`, depth, 16, `ResNet-${depth} for CIFAR: 16, 32 and 64 channels`),
  ),
  cifarResnet("wide-resnet20", 20, 32, "ResNet-20 for CIFAR, twice as wide: 32, 64 and 128 channels"),
];
