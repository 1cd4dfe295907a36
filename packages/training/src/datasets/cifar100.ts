/** CIFAR-100: Krizhevsky 2009. A record has the number of its group of classes before that of its class. */
import { type CifarLayout, readCifar } from "./cifarRecords.ts";
import { type DatasetEntry, filesOf } from "./entry.ts";

const LAYOUT: CifarLayout = {
  name: "cifar100",
  classCount: 100,
  normalisation: { mean: [0.507, 0.487, 0.441], std: [0.267, 0.256, 0.276] },
  labelBytes: 2,
  train: ["train"],
  trainRecords: 50_000,
  test: "test",
  testRecords: 10_000,
  folder: "cifar-100-binary",
  archive: "cifar-100-binary.tar.gz",
};

export const cifar100: DatasetEntry = {
  name: "cifar100",
  summary: "32×32 colour images of 100 things: the binary version, its archive, or class folders",
  embedded: false,
  head: { inputShape: [3, 32, 32], classCount: 100 },
  source:
    "Krizhevsky 2009, Learning multiple layers of features from tiny images, https://www.cs.toronto.edu/~kriz/cifar.html",
  licence: "none stated; for research, with citation",
  downloads: filesOf(
    ["https://www.cs.toronto.edu/~kriz/"],
    [["cifar-100-binary.tar.gz", 168_513_733, "03b5dce01913d631647c71ecec9e9cb8"]],
  ),
  load: (options) => readCifar(LAYOUT, options),
};
