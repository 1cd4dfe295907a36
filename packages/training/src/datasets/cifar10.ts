/** CIFAR-10: Krizhevsky 2009. */
import { type CifarLayout, readCifar } from "./cifarRecords.ts";
import { type DatasetEntry, filesOf } from "./entry.ts";

const LAYOUT: CifarLayout = {
  name: "cifar10",
  classCount: 10,
  normalisation: { mean: [0.491, 0.482, 0.447], std: [0.247, 0.243, 0.262] },
  labelBytes: 1,
  train: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}`),
  trainRecords: 10_000,
  test: "test_batch",
  testRecords: 10_000,
  folder: "cifar-10-batches-bin",
  archive: "cifar-10-binary.tar.gz",
};

const CLASS_NAMES = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

export const cifar10: DatasetEntry = {
  name: "cifar10",
  summary: "32×32 colour images of 10 things: the binary version, its archive, or class folders",
  embedded: false,
  head: { inputShape: [3, 32, 32], classCount: 10 },
  source:
    "Krizhevsky 2009, Learning multiple layers of features from tiny images, https://www.cs.toronto.edu/~kriz/cifar.html",
  licence: "none stated; for research, with citation",
  downloads: filesOf(
    ["https://www.cs.toronto.edu/~kriz/"],
    [["cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"]],
  ),
  load: async (options) => ({ ...(await readCifar(LAYOUT, options)), classNames: CLASS_NAMES }),
};
