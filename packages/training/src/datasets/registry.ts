/** Every data set by its name. Adding one: a file in this folder and a line here. */
import { ArgumentError, unknownName } from "@phew/core";
import { cifar10 } from "./cifar10.ts";
import type { Dataset, Examples } from "./dataset.ts";
import { glyphs } from "./glyphs/glyphs.ts";
import { mnist } from "./mnist.ts";

export interface DatasetOptions {
  /** The folder with the data set's files; for sets that are not embedded. */
  readonly dataDir?: string;
  /** For sets that can have more or fewer classes. */
  readonly classCount?: number;
  /** Number of training examples; all there are, or the set's own usual number, unless said otherwise. */
  readonly trainCount?: number;
  readonly testCount?: number;
  /** Of sets that are drawn. */
  readonly seed?: number;
}

export interface DatasetEntry {
  readonly name: string;
  /** One line for help. */
  readonly summary: string;
  /** True where the program makes the data itself and needs no folder. */
  readonly embedded: boolean;
  load(options: DatasetOptions): Promise<Dataset>;
}

const usualGlyphs = { classCount: 10, trainCount: 6000, testCount: 2000, seed: 0 };

export const datasets: readonly DatasetEntry[] = [
  {
    name: "glyphs",
    summary: "28×28 grey images of up to 62 characters, drawn by the program",
    embedded: true,
    load: async ({ dataDir, ...options }) => {
      if (dataDir === undefined) return glyphs({ ...usualGlyphs, ...options });
      throw new ArgumentError("data folder", {
        given: `"${dataDir}"`,
        expected: "none: glyphs are drawn by the program",
      });
    },
  },
  fromFolder("mnist", "28×28 grey images of handwritten digits: the four IDX files", 10, mnist),
  fromFolder("cifar10", "32×32 colour images of 10 things: the binary version's six files", 10, cifar10),
];

/** @throws ArgumentError where the name is unknown, an option does not fit the data set, or a file is at fault */
export async function loadDataset(name: string, options: DatasetOptions = {}): Promise<Dataset> {
  const entry = datasets.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw unknownName(
      "data set",
      name,
      datasets.map((candidate) => candidate.name),
    );
  }
  // an option that is undefined was not given
  return entry.load(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
}

function fromFolder(
  name: string,
  summary: string,
  classCount: number,
  read: (folder: string) => Promise<Dataset>,
): DatasetEntry {
  return {
    name,
    summary,
    embedded: false,
    async load(options) {
      if (options.dataDir === undefined) {
        throw new ArgumentError("data folder", {
          given: "none",
          expected: `the folder with the files of ${name}`,
          remedy: "Name it with --data-dir.",
        });
      }
      if (options.classCount !== undefined && options.classCount !== classCount) {
        throw new ArgumentError("classes", {
          given: `${options.classCount}`,
          expected: `${classCount}, the classes of ${name}`,
        });
      }
      const whole = await read(options.dataDir);
      return {
        ...whole,
        train: firstOf(whole.train, options.trainCount, "training examples"),
        test: firstOf(whole.test, options.testCount, "test examples"),
      };
    },
  };
}

function firstOf(examples: Examples, count: number | undefined, subject: string): Examples {
  if (count === undefined) return examples;
  if (!Number.isInteger(count) || count < 1 || count > examples.count) {
    throw new ArgumentError(subject, { given: `${count}`, expected: `1 to ${examples.count}` });
  }
  const fillInto: Examples["fillInto"] = (x, indices) => examples.fillInto(x, indices);
  return { count, classes: examples.classes.subarray(0, count), fillInto };
}
