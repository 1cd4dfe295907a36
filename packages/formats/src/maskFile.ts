/**
 * Masks on disk: safetensors, one BOOL tensor `<parameter>_mask` of the parameter's shape for each prunable parameter, and
 * for each bias, scale and shift in which a dead unit is silenced.
 */
import { type AppliedCheck, ArgumentError, counted, Masks, type Network, shortened } from "@phew/core";
import { type ExportableModel, isOnFile } from "./exportForm.ts";
import { maskBytes } from "./maskBytes.ts";
import { maskName } from "./maskName.ts";
import { inModuleLayout, loaderMetadata } from "./moduleLayout.ts";
import { type OtherMasks, otherMasks, otherMasksRefused } from "./otherMasks.ts";
import { parameterMasks } from "./parameterMasks.ts";
import { safetensorsChunks } from "./safetensors.ts";
import { boolTensor, type Tensors } from "./tensor.ts";
import { readTensors } from "./tensorFile.ts";
import { type WriteOptions, writeWhole } from "./writeFile.ts";

/** Origin of masks; strings in the file's metadata, with the density reached. */
export interface MaskOrigin {
  readonly method: string;
  /** JSON values; the file holds them as one JSON object with its names in order. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly seed: number;
  readonly requestedDensity: number;
  /** Of the weights they were made for; see {@link digestWeights}. */
  readonly weightsDigest: string;
  /** Of the program that made them. */
  readonly version: string;
  /** The sanity check they went through, with its options. */
  readonly check?: AppliedCheck | undefined;
  /** Seed of the weights, where it is not `seed`. */
  readonly weightsSeed?: number | undefined;
  /** Of the zoo architecture, where it has several. */
  readonly variant?: string | undefined;
  /** The one of the model's outputs that the masked network leads to, where it was chosen. */
  readonly output?: string | undefined;
}

/** The origin of a file's masks; every key of {@link maskMetadata} that does not belong to one file. */
const ORIGIN_KEYS = [
  "method",
  "options",
  "seed",
  "requestedDensity",
  "weightsDigest",
  "version",
  "check",
  "checkOptions",
  "weightsSeed",
  "variant",
  "output",
] as const;

export interface MaskFile {
  readonly masks: Masks;
  /** As {@link MaskOrigin} with every value a string, `density`, and the file's other metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Masks beside those of prunable weights and dead units; see {@link withOtherMasks}. */
  readonly others: OtherMasks;
  /** Assumptions, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * @param options.model the model of the masks, if it was read from a file
 * @throws ArgumentError as {@link writeWhole}
 */
export async function writeMasks(
  path: string,
  masks: Masks,
  origin: MaskOrigin,
  { model, ...options }: WriteOptions & { readonly model?: ExportableModel | undefined } = {},
): Promise<void> {
  const tensors = maskTensors(masks, model);
  await writeWhole(path, safetensorsChunks(tensors, maskMetadata(masks, origin, model), path), options);
}

/** The masks of all parameters by the module's names; those of weights are mostly views. */
export function maskTensors(masks: Masks, model?: ExportableModel): Tensors {
  const shapes = new Map(masks.network.parameters.map(({ name, shape }) => [name, shape]));
  const all = parameterMasks(masks, model && ((name) => isOnFile(model, name)));
  const tensors = new Map(
    [...all].map(([name, mask]) => [maskName(name), boolTensor(shapes.get(name)!, mask)]),
  );
  return model === undefined ? tensors : inModuleLayout(model, tensors, maskName);
}

/** The metadata of a mask file. */
export function maskMetadata(
  masks: Masks,
  origin: MaskOrigin,
  model?: ExportableModel,
): Record<string, string> {
  const sorted = (options: MaskOrigin["options"]) =>
    JSON.stringify(Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))));
  return {
    format: "pt",
    method: origin.method,
    options: sorted(origin.options),
    seed: String(origin.seed),
    requestedDensity: String(origin.requestedDensity),
    density: String(masks.density),
    weightsDigest: origin.weightsDigest,
    version: origin.version,
    ...loaderMetadata(masks.network, model),
    ...(origin.check && { check: origin.check.name, checkOptions: sorted(origin.check.options) }),
    ...(origin.weightsSeed !== undefined && { weightsSeed: String(origin.weightsSeed) }),
    ...(origin.variant !== undefined && { variant: origin.variant }),
    ...(origin.output !== undefined && { output: origin.output }),
  };
}

/** The metadata of masks from one file, for another file: their origin. */
export function carriedMetadata(
  masks: Masks,
  read: Readonly<Record<string, string>>,
): Record<string, string> {
  const known = ORIGIN_KEYS.flatMap((key) => (read[key] === undefined ? [] : [[key, read[key]] as const]));
  return { ...Object.fromEntries(known), density: String(masks.density) };
}

/** The masks of `network` only; see {@link readMaskFile}. @throws ArgumentError also for other masks in the file */
export async function readMasks(path: string, network: Network, model?: ExportableModel): Promise<Masks> {
  const { masks, others } = await readMaskFile(path, network, model);
  if (others.size > 0) throw otherMasksRefused(others, path);
  return masks;
}

/**
 * Reads masks of `network` from safetensors, `.npz` or a PyTorch state dict, in our layout, or in TensorFlow's if the
 * file says so; or from an ONNX model with weights and masks side by side. Masks may be of any type, with values 0
 * and 1. Layers that torch.nn.utils.prune did not prune are fully kept.
 * @param model the model of the masks, if it was read from a file
 * @throws ArgumentError if a layer's mask is missing, has another shape or other values, or belongs to no layer
 */
export async function readMaskFile(
  path: string,
  network: Network,
  model?: ExportableModel,
): Promise<MaskFile> {
  const isOnnx = path.endsWith(".onnx");
  const { tensors, metadata } = isOnnx ? await fromOnnx(path) : await readTensors(path);
  const isTensorflow = metadata.layout === "tensorflow";
  const ours = isTensorflow ? await fromTensorflow(path, tensors, network) : tensors;
  const prefixed = withoutPrefix(network, ours);
  const isModules = model !== undefined && !isOnnx && !isTensorflow;
  const named = isModules ? inModuleLayout(model, prefixed, maskName) : prefixed;
  const { tensors: whole, notes } = withUnpruned(network, named);
  const origin = soundOrigin(metadata);
  const masks = pickMasks(network, whole, path);
  return {
    masks,
    metadata: origin.metadata,
    others: otherMasks(masks, whole, path),
    notes: [...notes, ...origin.notes.map((note) => `${path}: ${note}`)],
  };
}

const wholeNumber = "a whole number from 0 to 2^53 − 1";
const isWholeNumber = (text: string): boolean =>
  /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text));
const fraction = "a number above 0 and at most 1";
const isFraction = (text: string): boolean => text.trim() !== "" && Number(text) > 0 && Number(text) <= 1;
const settings = "a JSON object of texts, numbers and truth values";

function isSettings(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const isPlain = (item: unknown) => ["string", "number", "boolean"].includes(typeof item);
    return (
      typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(isPlain)
    );
  } catch {
    return false;
  }
}

/** Allowed values of {@link ORIGIN_KEYS} that are not any text. Files are untrusted input. */
const ORIGIN_VALUES: Readonly<
  Record<string, readonly [expected: string, isSound: (text: string) => boolean]>
> = {
  options: [settings, isSettings],
  checkOptions: [settings, isSettings],
  seed: [wholeNumber, isWholeNumber],
  weightsSeed: [wholeNumber, isWholeNumber],
  requestedDensity: [fraction, isFraction],
  density: [fraction, isFraction],
};

/** Metadata without invalid values, with a note on each. */
function soundOrigin(metadata: Readonly<Record<string, string>>): Pick<MaskFile, "metadata" | "notes"> {
  const unsound = Object.entries(ORIGIN_VALUES).filter(
    ([key, [, isSound]]) => metadata[key] !== undefined && !isSound(metadata[key]),
  );
  const keys = new Set(unsound.map(([key]) => key));
  return {
    metadata: Object.fromEntries(Object.entries(metadata).filter(([key]) => !keys.has(key))),
    notes: unsound.map(
      ([key, [expected]]) =>
        `its metadata "${key}" is left out: got ${shortened(JSON.stringify(metadata[key]), 100)}, expected ${expected}.`,
    ),
  };
}

async function fromOnnx(path: string): Promise<Pick<MaskFile, "metadata"> & { tensors: Tensors }> {
  const { onnxMasks } = await import("./onnx/onnxMasks.ts");
  return { tensors: await onnxMasks(path), metadata: {} };
}

/** Removes a common prefix of the names of all masks, such as `model.` or `module.`. */
function withoutPrefix(network: Network, tensors: Tensors): Tensors {
  const wanted = network.prunable.map(({ name }) => maskName(name));
  if (wanted.some((name) => tensors.has(name))) return tensors;
  for (const name of tensors.keys()) {
    const own = wanted.find((mask) => name.endsWith(`.${mask}`));
    if (own === undefined) continue;
    const prefix = name.slice(0, -own.length);
    const inside = [...tensors].filter(([other]) => other.startsWith(prefix));
    return new Map(inside.map(([other, tensor]) => [other.slice(prefix.length), tensor]));
  }
  return tensors;
}

/** If a file holds pruned weights too, a layer without a mask was not pruned, provided that its weight is there. */
function withUnpruned(network: Network, tensors: Tensors): { tensors: Tensors; notes: readonly string[] } {
  const isWhole = network.prunable.filter(({ name }) => tensors.has(name) && !tensors.has(maskName(name)));
  const isPruned = network.prunable.some(({ name }) => tensors.has(`${name}_orig`));
  if (!isPruned || isWhole.length === 0) return { tensors, notes: [] };
  const dense = isWhole.map(
    ({ name, shape, length }) => [maskName(name), boolTensor(shape, new Uint8Array(length).fill(1))] as const,
  );
  const names = isWhole.map(({ name }) => name).join(", ");
  return {
    tensors: new Map([...tensors, ...dense]),
    notes: [`No mask for ${names}, whose whole weight is in the file: all of it is kept.`],
  };
}

async function fromTensorflow(path: string, tensors: Tensors, network: Network): Promise<Tensors> {
  const { TensorflowLayout } = await import("./tensorflowLayout.ts");
  const layout = new TensorflowLayout(network);
  const turned = new Map(tensors);
  for (const { name } of network.parameters) {
    const tensor = tensors.get(maskName(name));
    if (tensor !== undefined)
      turned.set(maskName(name), layout.fromTensorflow(name, tensor, `${path}: tensor "${maskName(name)}"`));
  }
  return turned;
}

/** The masks of `network` among named tensors. @param source for messages */
export function pickMasks(network: Network, tensors: Tensors, source: string): Masks {
  const masks = new Masks(network);
  const expected = new Set(network.prunable.map(({ name }) => maskName(name)));
  const missing = [...expected].filter((name) => !tensors.has(name));
  if (missing.length > 0) {
    const some = missing.slice(0, 5).join(", ");
    const held = [...tensors.keys()].slice(0, 5).join(", ");
    throw new ArgumentError(source, {
      given: `no mask for ${missing.length} of the ${counted(expected.size, "layer")} of ${network.name} (${some}${missing.length > 5 ? ", …" : ""})`,
      expected: "one tensor <parameter>_mask for each",
      remedy: `The file holds: ${held || "nothing"}${tensors.size > 5 ? ", …" : ""}.`,
    });
  }
  // biases and batch normalisation of dead units may be masked too; that follows from the weights' masks
  const known = new Set(network.parameters.map(({ name }) => maskName(name)));
  // a model's own buffers may be called masks; a pruned parameter has its original beside it
  const isModel = network.parameters.some(({ name }) => tensors.has(name) || tensors.has(`${name}_orig`));
  const stray = [...tensors.keys()].find(
    (name) =>
      name.endsWith("_mask") &&
      !known.has(name) &&
      (!isModel || tensors.has(name.replace(/_mask$/, "_orig"))),
  );
  if (stray !== undefined) {
    throw new ArgumentError(`${source}: tensor "${stray}"`, {
      given: `a mask of no parameter of ${network.name}`,
      expected: "masks of this network alone",
      remedy: "Check that the masks were made for this architecture.",
    });
  }
  for (const parameter of network.prunable) {
    const name = maskName(parameter.name);
    const subject = `${source}: tensor "${name}"`;
    masks.of(parameter).set(maskBytes(subject, tensors.get(name)!, parameter.shape));
  }
  return masks;
}
