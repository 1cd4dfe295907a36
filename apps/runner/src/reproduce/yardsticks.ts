/**
 * Published accuracies of other methods for networks, data and densities that the experiments train too; none is known
 * for PHEW itself. They were trained for 160 epochs on all 50,000 training images.
 */
export interface Yardstick {
  readonly model: string;
  readonly dataset: string;
  readonly method: string;
  readonly density: number;
  /** On the test examples, in percent: the mean over seeds. */
  readonly accuracy: number;
  readonly source: string;
}

/** Half the range over its seeds is between 0.04 and 0.5 points. */
const MGE = "Cunegatti et al. 2024 (TMLR), data of its repository";
/** From one table, as quoted by others: we have not seen the original. */
const GRANET = "Liu et al. 2021 (GraNet, NeurIPS), second hand";

/** Percent at the densities in order; undefined if the source lacks it. */
function series(
  published: Pick<Yardstick, "model" | "dataset" | "method" | "source">,
  accuracies: readonly (number | undefined)[],
): Yardstick[] {
  return [0.1, 0.05, 0.02].flatMap((density, k) => {
    const accuracy = accuracies[k];
    return accuracy === undefined ? [] : [{ ...published, density, accuracy }];
  });
}

const resnet20 = { model: "resnet20", dataset: "cifar10", source: MGE };
const vgg19 = { model: "vgg19-bn", dataset: "cifar10", source: GRANET };

export const YARDSTICKS: readonly Yardstick[] = [
  ...series({ ...resnet20, method: "erk" }, [87.07, 83.81, 77.44]),
  ...series({ ...resnet20, method: "snip" }, [87.0, 83.21, 75.94]),
  ...series({ ...resnet20, method: "grasp" }, [87.19, 84.44, 77.13]),
  ...series({ ...resnet20, method: "synflow" }, [86.22, 82.86, 76.22]),
  ...series({ ...resnet20, method: "rigl" }, [88.9, 86.49, 81.94]),
  ...series({ ...resnet20, method: "itop" }, [89.11, 86.31, 81.26]),
  ...series({ ...resnet20, method: "dsr" }, [89.29, 86.78, 80.44]),
  ...series({ ...resnet20, method: "snfs" }, [89.04, 85.18, 72.71]),
  ...series({ ...vgg19, method: "snip" }, [93.63, 93.43, 92.05]),
  ...series({ ...vgg19, method: "grasp" }, [93.3, 93.04, 92.19]),
  ...series({ ...vgg19, method: "synflow" }, [93.35]),
  { ...vgg19, method: "dense", density: 1, accuracy: 93.85 },
];

/** That of a run's network, data, method and density. */
export function yardstickOf(
  run: Pick<Yardstick, "model" | "dataset" | "method" | "density">,
): Yardstick | undefined {
  return YARDSTICKS.find(
    ({ model, dataset, method, density }) =>
      model === run.model && dataset === run.dataset && method === run.method && density === run.density,
  );
}
