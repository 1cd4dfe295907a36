/** Parts of data sets: some of the classes, the first examples, a share set aside to choose by. All of it by seeds. */
import { ArgumentError, counted } from "@phew/core";
import { Random } from "@phew/engine";
import type { Classes, Dataset, Examples } from "./dataset.ts";

export interface PartOptions {
  /** Keeps so many classes, chosen by the seed, numbered anew in their old order. */
  readonly classCount?: number | undefined;
  /** Fraction of each class's training examples that is set aside to choose by, above 0 and below 1. */
  readonly validation?: number | undefined;
  /** Keeps the first examples. */
  readonly trainCount?: number | undefined;
  readonly testCount?: number | undefined;
  /**
   * So many different training examples of each class, chosen by the seed, more of them containing fewer; they are
   * repeated in turn up to the number of training examples, so that an epoch has as many steps as with all.
   */
  readonly samplesPerClass?: number | undefined;
  /** Of the classes and of the examples set aside. */
  readonly seed?: number | undefined;
}

const CLASS_STREAM = 2 ** 42;
const VALIDATION_STREAM = CLASS_STREAM + 1;
/** Above those of validation, one for each of at most 2^16 classes. */
const SAMPLE_STREAM = CLASS_STREAM + 2 ** 20;

/**
 * Selects classes, then the validation examples, then the first of the rest. @throws ArgumentError for a number out
 * of range
 */
export function takeParts(whole: Dataset, options: PartOptions): Dataset {
  const { seed = 0, validation, classCount } = options;
  const some = classCount === undefined ? whole : withClasses(whole, classCount, seed);
  const split = validation === undefined ? some : withValidation(some, validation, seed);
  const train = firstOf(split.train, options.trainCount, "training examples");
  const { samplesPerClass } = options;
  return {
    ...split,
    train:
      samplesPerClass === undefined
        ? train
        : repeated(train, whole.name, split.classCount, samplesPerClass, seed),
    test: firstOf(split.test, options.testCount, "test examples"),
  };
}

/** The classes a subset keeps, rising. */
function chosenClasses(classCount: number, keptCount: number, seed: number): number[] {
  const all = Array.from({ length: classCount }, (_, c) => c);
  new Random(seed, CLASS_STREAM).shuffleInto(all);
  return all.slice(0, keptCount).sort((a, b) => a - b);
}

/** Class numbers in as few bytes as will do. */
export function newClasses(count: number, classCount: number): Classes {
  return classCount <= 256 ? new Uint8Array(count) : new Uint16Array(count);
}

/** The examples at `indices`, with other class numbers if given. */
function pick(examples: Examples, indices: Uint32Array, classes?: Classes): Examples {
  const { source } = examples;
  const places = source?.places;
  const own = (): Classes => {
    const chosen = newClasses(indices.length, examples.classes instanceof Uint16Array ? 65_536 : 256);
    for (let k = 0; k < chosen.length; k++) chosen[k] = examples.classes[indices[k]!]!;
    return chosen;
  };
  return {
    count: indices.length,
    classes: classes ?? own(),
    fillInto(x, wanted, views) {
      const chosen = Uint32Array.from(wanted, (k) => indices[k]!);
      examples.fillInto(x, chosen, views);
    },
    ...(source && {
      source: { store: source.store, places: places ? indices.map((k) => places[k]!) : indices },
    }),
  };
}

function withClasses(whole: Dataset, keptCount: number, seed: number): Dataset {
  if (!Number.isInteger(keptCount) || keptCount < 2 || keptCount > whole.classCount) {
    throw new ArgumentError("classes", {
      given: `${keptCount}`,
      expected: `2 to ${whole.classCount}, the classes of ${whole.name}`,
    });
  }
  const kept = chosenClasses(whole.classCount, keptCount, seed);
  const newNumber = new Map(kept.map((old, k) => [old, k]));
  const part = (examples: Examples): Examples => {
    const indices = indicesWhere(examples, (c) => newNumber.has(c));
    const classes = newClasses(indices.length, keptCount);
    indices.forEach((index, k) => {
      classes[k] = newNumber.get(examples.classes[index]!)!;
    });
    return pick(examples, indices, classes);
  };
  return {
    ...whole,
    classCount: keptCount,
    ...(whole.classNames && { classNames: kept.map((c) => whole.classNames![c]!) }),
    train: part(whole.train),
    ...(whole.validation && { validation: part(whole.validation) }),
    test: part(whole.test),
  };
}

function withValidation(whole: Dataset, fraction: number, seed: number): Dataset {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ArgumentError("validation", {
      given: `${fraction}`,
      expected: "the fraction of training examples set aside, above 0 and below 1",
    });
  }
  if (whole.validation !== undefined) {
    throw new ArgumentError("validation", {
      given: `${fraction} of a data set that has validation examples of its own`,
      expected: "none",
    });
  }
  const { train } = whole;
  const aside = new Uint8Array(train.count);
  for (let c = 0; c < whole.classCount; c++) {
    const own = indicesWhere(train, (other) => other === c);
    new Random(seed, VALIDATION_STREAM + c).shuffleInto(own);
    for (const index of own.subarray(0, Math.round(fraction * own.length))) aside[index] = 1;
  }
  const setAside = indicesOf(aside, 1);
  if (setAside.length === 0 || setAside.length === train.count) {
    throw new ArgumentError("validation", {
      given: `${fraction} of ${counted(train.count, "example")} in ${counted(whole.classCount, "class", "classes")}`,
      expected: "a fraction that leaves some on either side",
    });
  }
  return { ...whole, train: pick(train, indicesOf(aside, 0)), validation: pick(train, setAside) };
}

function firstOf(examples: Examples, count: number | undefined, subject: string): Examples {
  if (count === undefined) return examples;
  if (!Number.isInteger(count) || count < 1 || count > examples.count) {
    throw new ArgumentError(subject, { given: `${count}`, expected: `1 to ${examples.count}` });
  }
  return pick(
    examples,
    Uint32Array.from({ length: count }, (_, k) => k),
  );
}

/** Some examples of each class, class by class in turn, again and again up to the count of all. */
function repeated(all: Examples, name: string, classCount: number, each: number, seed: number): Examples {
  const byClass = Array.from({ length: classCount }, (_, c) => {
    const own = indicesWhere(all, (other) => other === c);
    new Random(seed, SAMPLE_STREAM + c).shuffleInto(own);
    return own;
  });
  const fewest = Math.min(...byClass.map(({ length }) => length));
  if (!Number.isInteger(each) || each < 1 || each > fewest) {
    throw new ArgumentError("samples of a class", {
      given: `${each}`,
      expected: `1 to ${fewest}, the training examples of the smallest class of ${name}`,
    });
  }
  const chosen = Array.from({ length: each }, (_, k) => byClass.map((own) => own[k]!)).flat();
  return {
    ...pick(
      all,
      Uint32Array.from({ length: all.count }, (_, k) => chosen[k % chosen.length]!),
    ),
    differentCount: Math.min(chosen.length, all.count),
  };
}

function indicesWhere({ classes }: Examples, wanted: (c: number) => boolean): Uint32Array {
  return indicesOf(
    Uint8Array.from(classes, (c) => (wanted(c) ? 1 : 0)),
    1,
  );
}

function indicesOf(flags: Uint8Array, value: number): Uint32Array {
  const indices = new Uint32Array(flags.reduce((sum, flag) => sum + (flag === value ? 1 : 0), 0));
  let count = 0;
  flags.forEach((flag, k) => {
    if (flag === value) indices[count++] = k;
  });
  return indices;
}
