/**
 * A VGG that trains in seconds: six 3×3 convolutions with batch normalisation, two each of 16, 32 and 64 channels, max
 * pooling between the pairs, the mean over positions, one dense layer. Convolutions have no bias, since batch
 * normalisation has one.
 */
import { NetworkBuilder, type Value } from "../network/builder.ts";
import { kaimingFanIn } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";

const CHANNELS = [16, 32, 64];

export const vggSmall: ZooModel = {
  name: "vgg-small",
  summary: "six 3×3 convolutions of 16 to 64 channels with batch normalisation: VGG's form at laptop size",
  source: "after Simonyan & Zisserman 2015, arXiv:1409.1556",
  heads: [HEADS.cifar10, HEADS.mnist, HEADS.glyphs],
  initialisation: () => kaimingFanIn,
  build(inputShape, classCount) {
    const b = new NetworkBuilder("vgg-small", inputShape);
    let x: Value = b.input;
    for (const [stage, outChannels] of CHANNELS.entries()) {
      if (stage > 0) x = b.maxPool2d(x, { kernel: 2 });
      for (const conv of [1, 2]) {
        const name = `conv${2 * stage + conv}`;
        x = b.conv2d(name, x, { outChannels, kernel: 3, padding: 1, bias: false });
        x = b.relu(b.batchNorm(`bn${2 * stage + conv}`, x));
      }
    }
    return b.build(b.dense("classifier", b.globalAveragePool(x), classCount));
  },
};
