/**
 * LeNet-5 in its common form: 6 and 16 channels of 5×5 kernels (the first padded by 2, so that 28×28 stays 28×28),
 * max pooling 2×2 after each, then 120, 84 and the classes; ReLU.
 * Departure from LeCun et al. 1998: max pooling for trainable averages, ReLU for tanh, full connections between the
 * convolutions, a linear output.
 */
import { NetworkBuilder } from "../network/builder.ts";
import { kaimingFanIn } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";

export const lenet5: ZooModel = {
  name: "lenet5",
  summary: "LeNet-5: 6 and 16 channels of 5×5 kernels, max pooling, 120 and 84 features, ReLU",
  source: "LeCun, Bottou, Bengio & Haffner 1998",
  heads: [HEADS.mnist, HEADS.glyphs, HEADS.cifar10],
  initialisation: () => kaimingFanIn,
  build(inputShape, classCount) {
    const b = new NetworkBuilder("lenet5", inputShape);
    let x = b.relu(b.conv2d("conv1", b.input, { outChannels: 6, kernel: 5, padding: 2 }));
    x = b.maxPool2d(x, { kernel: 2 });
    x = b.relu(b.conv2d("conv2", x, { outChannels: 16, kernel: 5 }));
    x = b.flatten(b.maxPool2d(x, { kernel: 2 }));
    x = b.relu(b.dense("fc1", x, 120));
    x = b.relu(b.dense("fc2", x, 84));
    return b.build(b.dense("fc3", x, classCount));
  },
};
