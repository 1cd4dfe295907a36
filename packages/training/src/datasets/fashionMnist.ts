/** Fashion-MNIST: Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; pictures of ten kinds of clothes, in MNIST's format. */
import { type DatasetEntry, filesOf } from "./entry.ts";
import { readIdxImages } from "./idxImages.ts";

const CLASS_NAMES = [
  "T-shirt/top",
  "trouser",
  "pullover",
  "dress",
  "coat",
  "sandal",
  "shirt",
  "sneaker",
  "bag",
  "ankle boot",
];

export const fashionMnist: DatasetEntry = {
  name: "fashion-mnist",
  summary: "28×28 grey images of ten kinds of clothes: four IDX files, named as MNIST's",
  embedded: false,
  head: { inputShape: [1, 28, 28], classCount: 10 },
  source: "Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747, https://github.com/zalandoresearch/fashion-mnist",
  licence: "MIT",
  downloads: filesOf(
    [
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ],
    [
      ["train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"],
      ["train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"],
      ["t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"],
      ["t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"],
    ],
  ),
  // mean and deviation of the training images
  load: async (options) => ({
    ...(await readIdxImages("fashion-mnist", { mean: [0.286], std: [0.353] }, options)),
    classNames: CLASS_NAMES,
    usualAugmentation: { padding: 0, flip: true },
  }),
};
