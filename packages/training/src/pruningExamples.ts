/** The examples that a pruning method looks at: as many of each class, chosen at random by the seed. */
import { ArgumentError, type Batch, elementCount } from "@phew/core";
import { Random } from "@phew/engine";
import type { Dataset } from "./datasets/dataset.ts";

/** Away from the streams of masks, orders and augmentation. */
const CHOICE_STREAM = 2 ** 49;
/** Examples of a batch, as the published code has them. */
const BATCH_SIZE = 256;

/**
 * Different training examples without augmentation, class by class.
 * @param perClass examples of each class
 * @param seed whole number from 0 to 2^53 − 1: the same seed chooses the same examples
 * @throws ArgumentError if a class has fewer
 */
export function pruningBatches(dataset: Dataset, perClass: number, seed: number): Batch[] {
  const { train, inputShape, classCount } = dataset;
  const different = train.classes.subarray(0, train.differentCount);
  const chosen = chooseExamples(different, classCount, perClass, seed);
  const length = elementCount(inputShape);
  const batches: Batch[] = [];
  for (let first = 0; first < chosen.length; first += BATCH_SIZE) {
    const indices = chosen.subarray(first, first + BATCH_SIZE);
    const x = new Float32Array(indices.length * length);
    train.fillInto(x, indices);
    batches.push({ x, y: Int32Array.from(indices, (index) => train.classes[index]!), count: indices.length });
  }
  return batches;
}

/** Indices of `perClass` examples of each class in random order, so that every batch mixes the classes. */
function chooseExamples(
  classes: Dataset["train"]["classes"],
  classCount: number,
  perClass: number,
  seed: number,
): Uint32Array {
  const order = Uint32Array.from(classes, (_, index) => index);
  const random = new Random(seed, CHOICE_STREAM);
  random.shuffleInto(order);
  const taken = new Uint32Array(classCount);
  const chosen = order.filter((index) => {
    const label = classes[index]!;
    if (taken[label] === perClass) return false;
    taken[label]!++;
    return true;
  });
  const short = taken.findIndex((count) => count < perClass);
  if (short < 0) return chosen;
  throw new ArgumentError("examples of each class", {
    given: `${perClass}`,
    expected: `at most ${taken[short]}, as many as class ${short} has`,
  });
}
