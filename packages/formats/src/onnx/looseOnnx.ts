/** The weights of an ONNX file alone: read, and written back with zeros, whatever the graph computes. */
import { basename } from "node:path";
import { ArgumentError, counted, looseNetwork, type Masks, type Network, type Weights } from "@phew/core";
import { withFile } from "../readFile.ts";
import { ELEMENT_BYTES, type Tensor, type Tensors, toFloat32 } from "../tensor.ts";
import type { WriteOptions } from "../writeFile.ts";
import { writeBundle } from "../writeFile.ts";
import { bitsOf } from "./constants.ts";
import { externalFiles } from "./externalData.ts";
import { inlineFunctions } from "./functions.ts";
import { GraphEdit } from "./graphEdit.ts";
import { type GraphWeight, graphWeights } from "./graphWeights.ts";
import { modelBundle } from "./modelBundle.ts";
import { isInvented, isNumbered } from "./moduleNames.ts";
import { type ModelParts, readParts, type TensorPart } from "./parts.ts";
import { canBePatched } from "./sites.ts";
import { fileSource } from "./source.ts";
import { describe, type ExternalData, tensorOf } from "./tensors.ts";
import { doubtNote } from "./weightNames.ts";

export interface LooseOnnx {
  readonly network: Network;
  readonly weights: Weights;
  /** As the state dict has them, in the file's types. */
  readonly tensors: Tensors;
  readonly notes: readonly string[];
  readonly parts: ModelParts;
  readonly externalData: ExternalData | undefined;
  readonly stored: readonly GraphWeight[];
}

/**
 * @param options.embeddings tables of embeddings are pruned too
 * @throws ArgumentError if the file is damaged, holds no weight of a layer, or quantised ones
 */
export async function readLooseOnnx(
  path: string,
  options: { readonly embeddings?: boolean | undefined } = {},
): Promise<LooseOnnx> {
  await withFile(path, async () => undefined);
  const name = basename(path).replace(/\.onnx$/i, "");
  return looseOnnx(readParts(fileSource(path)), externalFiles(path), { ...options, name });
}

/** The same of a file's parts. @throws ArgumentError as {@link readLooseOnnx} */
export function looseOnnx(
  given: ModelParts,
  externalData: ExternalData | undefined,
  options: { readonly name: string; readonly embeddings?: boolean | undefined },
): LooseOnnx {
  const parts = inlineFunctions(given);
  const { weights: all, tables } = graphWeights(parts);
  const isTied = (weight: GraphWeight) =>
    isMadeUp(weight.part) && tables.some((table) => isTurnedCopy(weight.part, table.part, externalData));
  const ofLayers = all.filter((weight) => !isTied(weight));
  const stored = options.embeddings ? [...ofLayers, ...tables] : ofLayers;
  requireFewCopies(parts, stored);
  const tensors = new Map(stored.map((weight) => [weight.name, moduleTensor(weight, externalData)]));
  // a weight that the exporter turned for each call of its module has several tensors
  const named = [...new Map(stored.map((weight) => [weight.name, weight])).values()];
  const network = looseNetwork(
    options.name,
    named.map(({ name, shape }) => ({ name, shape })),
  );
  const weights = new Map(Array.from(tensors, ([name, tensor]) => [name, toFloat32(tensor)]));
  const left = tables.length > 0 && !options.embeddings;
  const note = `${counted(tables.length, "table")} of embeddings (${tables.map(({ name }) => name).join(", ")}) ${tables.length === 1 ? "is" : "are"} not pruned: --prune-embeddings does`;
  const doubts = doubtNote(named);
  const notes = [...(left ? [note] : []), ...(doubts === undefined ? [] : [doubts])];
  return { network, weights, tensors, notes, parts, externalData, stored };
}

/** Limit of weights of modules that share a tensor, beyond those that are stored. */
const MOST_COPIED = 2 ** 26;

function requireFewCopies({ source }: ModelParts, stored: readonly GraphWeight[]): void {
  const copied = stored.filter(({ reader }) => reader !== undefined);
  const count = copied.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  if (count <= MOST_COPIED) return;
  throw new ArgumentError(source.name, {
    given: `modules that share tensors, ${counted(count, "weight")} beyond those that are stored`,
    expected: `at most ${MOST_COPIED}`,
    remedy: "Export the model with weights of its own for each layer.",
  });
}

const isMadeUp = ({ name }: TensorPart) => isInvented(name) || isNumbered(name);

/** True for a copy of `[columns, rows]` elements of a table of `[rows, columns]`, as a head that is tied to it has. */
function isTurnedCopy(part: TensorPart, table: TensorPart, external: ExternalData | undefined): boolean {
  const [rows, columns] = table.dims as [number, number];
  if (part.dims.length !== 2 || part.dims[0] !== columns || part.dims[1] !== rows) return false;
  const [copy, own] = [toFloat32(tensorOf(part, external)), toFloat32(tensorOf(table, external))];
  return own.every((value, k) => copy[(k % columns) * rows + Math.floor(k / columns)] === value);
}

function moduleTensor({ part, shape, placeOf }: GraphWeight, external: ExternalData | undefined): Tensor {
  const stored = tensorOf(part, external);
  if (placeOf === undefined) return stored;
  const width = ELEMENT_BYTES[stored.dtype];
  const count = shape.reduce((product, length) => product * length, 1);
  const data = new Uint8Array(count * width);
  for (let k = 0; k < count; k++) {
    const from = placeOf(k) * width;
    data.set(stored.data.subarray(from, from + width), k * width);
  }
  return { dtype: stored.dtype, shape, data };
}

/**
 * Writes the file with zeros for pruned weights; every other byte is its own.
 * @throws ArgumentError for masks of other weights, or if a weight is stored as no plain bytes
 */
export async function writeLooseOnnx(
  path: string,
  model: LooseOnnx,
  masks: Masks,
  options: WriteOptions = {},
): Promise<void> {
  const edit = new GraphEdit(model.parts, model.externalData);
  const byPart = new Map<TensorPart, GraphWeight[]>();
  for (const weight of model.stored) byPart.set(weight.part, [...(byPart.get(weight.part) ?? []), weight]);
  for (const [part, all] of byPart) {
    const weights = all.filter((weight) => !standsApart(edit, weight, all[0]!, model, masks));
    if (weights.every(({ name }) => !masks.get(name)!.includes(0))) continue;
    if (!canBePatched(part)) {
      throw new ArgumentError(`${model.parts.source.name}: tensor "${part.name}"`, {
        given: "elements that are stored as numbers of variable length",
        expected: "plain bytes",
        remedy: "Write the weights to .safetensors.",
      });
    }
    edit.patch(part, () => zeroed(tensorOf(part, model.externalData), weights, masks));
  }
  const { data } = edit.write("");
  const bundle = modelBundle(path, data?.chunks(), (dataName) => edit.write(dataName).model.chunks());
  await writeBundle(bundle, options);
}

/** Gives a layer a tensor of its own where its mask is another than that of the layer whose tensor it reads. */
function standsApart(
  edit: GraphEdit,
  { name, part, reader }: GraphWeight,
  first: GraphWeight,
  model: LooseOnnx,
  masks: Masks,
): boolean {
  if (reader === undefined) return false;
  const [own, other] = [masks.get(name)!, masks.get(first.name)!];
  if (own.every((kept, k) => kept === other[k])) return true;
  const copy = edit.unusedName(name);
  const plain = { name, shape: part.dims, part, placeOf: undefined };
  edit.addTensor({
    name: copy,
    dims: part.dims,
    dtype: describe(part).dtype,
    read: () => zeroed(tensorOf(part, model.externalData), [plain], masks),
  });
  edit.repoint(reader.node, reader.input, copy);
  return true;
}

function zeroed(tensor: Tensor, weights: readonly GraphWeight[], masks: Masks): Uint8Array {
  const data = new Uint8Array(tensor.data);
  const elements = bitsOf({ ...tensor, data });
  for (const { name, placeOf } of weights) {
    const mask = masks.get(name)!;
    for (let k = 0; k < mask.length; k++) if (mask[k] === 0) elements[placeOf?.(k) ?? k] = 0;
  }
  return data;
}
