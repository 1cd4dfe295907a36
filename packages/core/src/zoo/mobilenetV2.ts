/**
 * MobileNet v2: inverted residual blocks with linear bottlenecks, names as torchvision. The first convolution has
 * stride 2 for ImageNet alone; the stage of 24 channels has stride 1 below 48 pixels (CIFAR), so that 4×4 are left.
 */
import { NetworkBuilder, type Value } from "../network/builder.ts";
import { kaimingFanOut, smallNormal } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";
import { convNorm } from "./residualBlock.ts";

/** Expansion, output channels, blocks, stride of the first block. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

export const mobilenetV2: ZooModel = {
  name: "mobilenet-v2",
  summary: "MobileNet v2: inverted residual blocks, 16 to 320 channels",
  source: "Sandler et al. 2018, arXiv:1801.04381; names as torchvision",
  heads: [HEADS.cifar10, HEADS.cifar100, HEADS.tinyImageNet, HEADS.imageNet],
  initialisation: () => ({ conv: kaimingFanOut.conv, dense: smallNormal }),
  variants: ["cifar", "tiny-imagenet", "imagenet"],
  build(inputShape, classCount, variant) {
    const b = new NetworkBuilder("mobilenet-v2", inputShape);
    const step = (name: string, x: Value, outChannels: number, kernel: number, stride = 1, groups = 1) =>
      b.activation(
        "relu6",
        convNorm(b, `${name}.0`, `${name}.1`, x, { outChannels, kernel, stride, groups }),
      );
    let x = step("features.0", b.input, 32, 3, variant === "imagenet" ? 2 : 1);
    let channels = 32;
    let feature = 1;
    for (const [expansion, outChannels, blockCount, firstStride] of STAGES) {
      for (let block = 0; block < blockCount; block++, feature++) {
        const stride = block > 0 || (variant === "cifar" && outChannels === 24) ? 1 : firstStride;
        const hidden = expansion * channels;
        const at = (index: number) => `features.${feature}.conv.${index}`;
        let y = x;
        let index = 0;
        if (expansion > 1) y = step(at(index++), y, hidden, 1);
        y = step(at(index++), y, hidden, 3, stride, hidden);
        y = convNorm(b, at(index), at(index + 1), y, { outChannels, kernel: 1 });
        x = stride === 1 && channels === outChannels ? b.add(x, y) : y;
        channels = outChannels;
      }
    }
    x = step(`features.${feature}`, x, 1280, 1);
    return b.build(b.dense("classifier.1", b.dropout(0.2, b.globalAveragePool(x)), classCount));
  },
};
