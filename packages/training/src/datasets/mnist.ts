/** MNIST: LeCun, Cortes & Burges, handwritten digits. */
import { type DatasetEntry, filesOf } from "./entry.ts";
import { readIdxImages } from "./idxImages.ts";

export const mnist: DatasetEntry = {
  name: "mnist",
  summary: "28×28 grey images of handwritten digits: the four IDX files",
  embedded: false,
  head: { inputShape: [1, 28, 28], classCount: 10 },
  source: "LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist/",
  licence: "CC BY-SA 3.0",
  downloads: filesOf(
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
    [
      ["train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"],
      ["train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"],
      ["t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"],
      ["t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"],
    ],
  ),
  load: (options) => readIdxImages("mnist", { mean: [0.1307], std: [0.3081] }, options),
};
