/** Perceptron 784-300-100-10, the LeNet-300-100 of the pruning papers; images are flattened. */
import { NetworkBuilder } from "../network/builder.ts";
import { kaimingFanIn } from "../weights/initialisation.ts";
import { HEADS, type ZooModel } from "./model.ts";

export const mlp: ZooModel = {
  name: "mlp",
  summary: "Perceptron with hidden layers of 300 and 100 units and ReLU (LeNet-300-100)",
  source: "LeCun et al. 1998; sizes as Frankle & Carbin 2019, arXiv:1803.03635",
  heads: [HEADS.mnistFlat, HEADS.mnist, HEADS.glyphs],
  initialisation: () => kaimingFanIn,
  build(inputShape, classCount) {
    const b = new NetworkBuilder("mlp", inputShape);
    let x = inputShape.length === 1 ? b.input : b.flatten(b.input);
    x = b.relu(b.dense("fc1", x, 300));
    x = b.relu(b.dense("fc2", x, 100));
    return b.build(b.dense("fc3", x, classCount));
  },
};
