/** Class folders: `train/CLASS/…` and `test/CLASS/…` or `val/CLASS/…`, as ImageNet and torchvision's ImageFolder have them. */
import { ArgumentError, counted } from "@phew/core";
import { Random } from "@phew/engine";
import { chosenNormalisation, type Dataset, type Normalisation } from "../dataset.ts";
import { FileDigest } from "../digest.ts";
import type { DataFiles } from "../files/dataFiles.ts";
import { newClasses } from "../splits.ts";
import { type ImagePlan, type LabelledFile, type Progress, readImages, surveyImages } from "./imageFiles.ts";

const IMAGE = /\.(jpe?g|png)$/i;
const OTHER_IMAGE = /\.(gif|webp|bmp|tiff?|avif|heic)$/i;

/** The names of parts, in the order in which they are looked for. */
const TRAIN = ["train", "training"];
const TEST = ["test", "testing"];
const VALIDATION = ["val", "valid", "validation"];

export interface ClassFolders {
  readonly classNames: readonly string[];
  readonly train: readonly LabelledFile[];
  /** Path of the test part beside it, if there is one. */
  readonly validation?: readonly LabelledFile[];
  readonly test: readonly LabelledFile[];
}

export const isImage = (name: string): boolean => IMAGE.test(name);

/** True if it contains class folders, directly or in a single subfolder. */
export function hasClassFolders(names: readonly string[]): boolean {
  const [below] = withoutRoot(names);
  return below.some((name) => TRAIN.includes(name.split("/")[0]!) && name.split("/").length > 2);
}

/**
 * Classes are the folders of `train`, sorted by name; examples are shuffled with a fixed seed, so that the first ones
 * cover all classes. `val` is the test set if there is no `test`, as is usual for ImageNet.
 * @throws ArgumentError if a part is missing or a class of it is unknown
 */
export function findClassFolders(files: DataFiles, names: readonly string[]): ClassFolders {
  const [below, root] = withoutRoot(names);
  const parts = new Map<string, string[]>();
  for (const name of below) {
    const [part, ...rest] = name.split("/");
    if (rest.length >= 2 && isImage(name)) {
      const list = parts.get(part!) ?? [];
      parts.set(part!, list);
      list.push(name);
    } else if (rest.length >= 2 && OTHER_IMAGE.test(name)) throw otherFormat(files, root + name);
  }
  const partOf = (candidates: readonly string[]) => candidates.map((name) => parts.get(name)).find(Boolean);
  const train = partOf(TRAIN);
  const validation = partOf(VALIDATION);
  const test = partOf(TEST) ?? validation;
  if (train === undefined || test === undefined) {
    throw new ArgumentError(files.path, {
      given: `no images in ${train === undefined ? "train" : "test, and none in val"}/CLASS/`,
      expected: "JPEG or PNG images in train/CLASS/ and in test/CLASS/ or val/CLASS/",
    });
  }
  const classNames = [...new Set(train.map(classOf))].sort();
  const number = new Map(classNames.map((name, k) => [name, k]));
  const labelled = (list: readonly string[], stream: number): LabelledFile[] => {
    const labels = list.map((name) => {
      const own = number.get(classOf(name));
      if (own !== undefined) return { name: root + name, class: own };
      throw new ArgumentError(`${files.path}/${root}${name}`, {
        given: `the class ${JSON.stringify(classOf(name))}, which train does not have`,
        expected: `one of its ${counted(classNames.length, "class", "classes")}`,
      });
    });
    new Random(0, stream).shuffleInto(labels);
    return labels;
  };
  const isApart = validation !== undefined && test !== validation;
  return {
    classNames,
    train: labelled(train, 0),
    ...(isApart && { validation: labelled(validation, 2) }),
    test: labelled(test, 1),
  };
}

export interface ImageSetOptions {
  readonly name: string;
  /** Height and width of an input; the images' own if all are equal, else 224. */
  readonly imageSize?: number | undefined;
  /** By number of channels. */
  readonly normalisations: readonly [grey: Normalisation, colour: Normalisation];
  /** In place of these. */
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  /** Channels that inputs must have; as the images are unless given. */
  readonly channels?: 1 | 3 | undefined;
  /** Memory for decoded images of each part. */
  readonly memoryBytes?: number | undefined;
  readonly progress?: ((fraction: number, note: string) => void) | undefined;
}

const USUAL_SIZE = 224;
const MEMORY_BYTES = 2 ** 31;

/**
 * Images of the requested size are stored unchanged. Others are resized so that their shorter side is 8/7 of it (256
 * for 224), the central square is stored, and inputs are crops of it: in the centre, or at random with augmentation.
 */
export async function readClassFolders(
  files: DataFiles,
  folders: ClassFolders,
  options: ImageSetOptions,
): Promise<Dataset> {
  const { name, imageSize, normalisations, memoryBytes = MEMORY_BYTES, progress } = options;
  const parts = [folders.train, folders.validation ?? [], folders.test];
  const all = parts.flat();
  const note = (fraction: (done: number) => number, what: string): Progress => {
    return (done) => progress?.(fraction(done), `${what} ${done} of ${counted(all.length, "image")}`);
  };
  const digest = new FileDigest();
  const starts = [0, folders.train.length, folders.train.length + (folders.validation?.length ?? 0)];
  const survey = await surveyImages(
    files,
    all,
    // which of the parts, and which class: names of files mean nothing
    (k, bytes) => digest.add(`${starts.findLastIndex((start) => start <= k)}/${all[k]!.class}`, bytes),
    note((done) => (0.2 * done) / all.length, "looked at"),
  );
  const channels = options.channels ?? (survey.grey ? 1 : 3);
  const normalisation = chosenNormalisation(normalisations[channels === 1 ? 0 : 1], options);
  const [height, width] = survey.size ?? [];
  const isOwnSize =
    height !== undefined && (imageSize === undefined || (height === imageSize && width === imageSize));
  const side = imageSize ?? USUAL_SIZE;
  const stored = Math.round((side * 8) / 7);
  const frame = isOwnSize
    ? ({ stored: [channels, height, width!], input: [channels, height, width!], normalisation } as const)
    : ({ stored: [channels, stored, stored], input: [channels, side, side], normalisation } as const);
  const plan: ImagePlan = { frame, memoryBytes };
  let before = 0;
  const read = async (list: readonly LabelledFile[]) => {
    const classes = newClasses(list.length, folders.classNames.length);
    list.forEach((file, k) => {
      classes[k] = file.class;
    });
    const start = before;
    before += list.length;
    const onDecoded = note((done) => 0.2 + (0.8 * done) / all.length, "decoded");
    const tell: Progress = (done, count) => onDecoded(start + done, count);
    return readImages(files, list, classes, plan, tell);
  };
  return {
    name,
    classCount: folders.classNames.length,
    classNames: folders.classNames,
    inputShape: frame.input,
    normalisation,
    digest: digest.text,
    usualAugmentation: { padding: isOwnSize ? Math.round(height / 8) : 0, flip: true },
    train: await read(folders.train),
    ...(folders.validation && { validation: await read(folders.validation) }),
    test: await read(folders.test),
  };
}

/** Names below a single folder at the top, and the prefix that was removed. */
function withoutRoot(names: readonly string[]): [readonly string[], string] {
  const tops = new Set(names.map((name) => name.split("/")[0]!));
  const [top] = tops;
  const isRoot = tops.size === 1 && ![...TRAIN, ...TEST, ...VALIDATION].includes(top!);
  if (!isRoot || names.includes(top!)) return [names, ""];
  return [names.map((name) => name.slice(top!.length + 1)), `${top}/`];
}

const classOf = (name: string): string => name.split("/")[1]!;

function otherFormat(files: DataFiles, name: string): ArgumentError {
  return new ArgumentError(`${files.path}/${name}`, {
    given: "an image of another format",
    expected: "JPEG or PNG",
    remedy: "Convert it, or take it out.",
  });
}
