/** Where the file stores a parameter's elements, and their values under masks and other weights. */
import { ArgumentError, type Masks, maskedParameters, type Node, type Weights } from "@phew/core";
import { boolTensor, type Dtype, type Tensor, toFloat32 } from "../tensor.ts";
import { turnedDims, turnedWeight } from "../turnedWeight.ts";
import { bitsOf, permuted, tensorFrom } from "./constants.ts";
import type { TensorUse } from "./importer.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import { AS_STORED, type ParameterPart, type ParameterSource } from "./parameterSources.ts";
import type { TensorPart } from "./parts.ts";
import { describe, externalPlace, holdsElements, isFloat, tensorOf } from "./tensors.ts";
import { product } from "./values.ts";

/** A constant that some nodes read, with its elements as they shall be. */
export interface Site {
  readonly use: TensorUse;
  /** The initialiser without other readers; undefined if the value must be defined anew. */
  readonly part: TensorPart | undefined;
  /** The elements in the layout that the node reads, changed. */
  read(): Tensor;
  /** The same in the layout of `part`. */
  readStored(): Tensor;
  /** True where any element differs from the file's. */
  readonly isChanged: boolean;
}

/** Every use of a parameter, and every constant folded into one, under masks. @param weights other values for the parameters */
export function sitesOf(model: ImportedOnnx, masks: Masks, weights: Weights = model.weights): Site[] {
  requireSameNetwork(model, masks);
  const { onnx, network } = model;
  const unitMasks = maskedParameters(masks);
  const prunable = new Map(masks.network.prunable.map((parameter) => [parameter.name, masks.of(parameter)]));
  const nodeOf = new Map(network.nodes.map((node) => [node.name, node]));
  const sharing = new Map<unknown, number>();
  for (const { constant } of onnx.uses) {
    const part = constant.stored?.part;
    sharing.set(part, (sharing.get(part) ?? 0) + 1);
  }
  const sites: Site[] = [];
  for (const use of onnx.uses) {
    if (use.parts !== undefined) {
      sites.push(siteOfParts(model, use, use.parts, { prunable, unitMasks, weights, sharing }));
      continue;
    }
    const source = use.parameter === undefined ? undefined : onnx.parameters.get(use.parameter);
    if (use.parameter !== undefined && source === undefined) continue;
    const mask =
      source === undefined
        ? foldedMask(use, unitMasks, nodeOf)
        : (prunable.get(source.name) ?? unitMasks.get(source.name));
    const given = source && weights.get(source.name);
    const isOther = given !== undefined && given !== model.weights.get(source!.name);
    const hasZeros = mask?.includes(0) ?? false;
    if (source !== undefined && hasZeros && typeof source.offset === "number" && source.offset !== 0) {
      throw new ArgumentError(`${onnx.parts.source.name}: "${source.name}"`, {
        given: `the number ${source.offset} added behind it, to every unit alike`,
        expected: "nothing that gives a dead unit an output",
        remedy: "Export the masks to safetensors instead.",
      });
    }
    sites.push(siteOf(model, use, source, hasZeros ? mask : undefined, isOther ? given : undefined, sharing));
  }
  return sites;
}

/** Of a constant that holds several parameters. */
function siteOfParts(
  model: ImportedOnnx,
  use: TensorUse,
  parts: readonly ParameterPart[],
  given: {
    readonly prunable: ReadonlyMap<string, Uint8Array>;
    readonly unitMasks: ReadonlyMap<string, Uint8Array>;
    readonly weights: Weights;
    readonly sharing: ReadonlyMap<unknown, number>;
  },
): Site {
  const count = product(use.constant.dims);
  const mask = new Uint8Array(count).fill(1);
  let values: Float32Array | undefined;
  for (const { name, shape, placeOf } of parts) {
    const own = given.prunable.get(name) ?? given.unitMasks.get(name);
    own?.forEach((kept, k) => {
      if (kept === 0) mask[placeOf(k)] = 0;
    });
    const other = given.weights.get(name);
    if (other === undefined || other === model.weights.get(name)) continue;
    values ??= toFloat32(use.constant.read()).slice();
    for (let k = 0; k < product(shape); k++) values[placeOf(k)] = other[k]!;
  }
  const whole: ParameterSource = {
    name: use.constant.name,
    role: "weight",
    shape: use.constant.dims,
    constant: use.constant,
    ...AS_STORED,
  };
  return siteOf(model, use, whole, mask.includes(0) ? mask : undefined, values, given.sharing);
}

function siteOf(
  model: ImportedOnnx,
  use: TensorUse,
  source: ParameterSource | undefined,
  mask: Uint8Array | undefined,
  values: Float32Array | undefined,
  sharing: ReadonlyMap<unknown, number>,
): Site {
  const { constant } = use;
  const { graph, externalData } = model.onnx;
  const changed = (
    tensor: () => Tensor,
    dims: readonly number[],
    dtype: Dtype,
    isTransposed: boolean,
  ): Tensor => {
    if (source?.permutation !== undefined) {
      const inFile = (own: Tensor): Tensor => ({
        ...fromUnitsFirst(own, source, constant.dims),
        shape: dims,
      });
      const { shape } = source;
      const whole =
        values === undefined ? tensor() : inFile(valuesTensor(source, values, shape, dtype, false));
      return mask === undefined ? whole : zeroed(whole, inFile(boolTensor(shape, mask)).data, undefined);
    }
    const whole = values === undefined ? tensor() : valuesTensor(source!, values, dims, dtype, isTransposed);
    return mask === undefined ? whole : zeroed(whole, mask, isTransposed ? source : undefined);
  };
  const isTransposed = source?.transposed ?? false;
  const { stored } = constant;
  // in-place changes need exclusive reading, directly and under aliases
  const isAlone =
    stored?.part.field !== undefined &&
    sharing.get(stored.part) === 1 &&
    graph.fileTensorReaders.get(stored.part.name) === 1 &&
    graph.fileReaders.get(constant.name) === 1;
  const part = isAlone && canBePatched(stored.part) ? stored.part : undefined;
  return {
    use,
    part,
    read: () => changed(() => constant.read(), constant.dims, constant.dtype, isTransposed),
    readStored() {
      if (stored === undefined) throw new Error(`${constant.name} is computed, not stored`);
      const { dtype } = describe(stored.part);
      const turned = isTransposed !== stored.transposed;
      return changed(() => tensorOf(stored.part, externalData), stored.part.dims, dtype, turned);
    },
    isChanged: mask !== undefined || values !== undefined,
  };
}

/** Elements of a source whose axes the file has in another order, in that order; for every example where it has several. */
function fromUnitsFirst(
  own: Tensor,
  { permutation, shape }: ParameterSource,
  dims: readonly number[],
): Tensor {
  const isOfAll = product(dims) > product(shape);
  const one = isOfAll ? dims.with(0, 1) : dims;
  const axes = permutation!.map((axis) => one[axis]!);
  const back = permutation!.map((_, axis) => permutation!.indexOf(axis));
  const example = permuted({ ...own, shape: axes }, back);
  if (!isOfAll) return example;
  const { data } = example;
  const all = new Uint8Array(data.length * dims[0]!);
  for (let n = 0; n < dims[0]!; n++) all.set(data, n * data.length);
  return { ...example, data: all };
}

/** True if the tensor's own bytes can be replaced by the same number of others. */
export function canBePatched(part: TensorPart): boolean {
  const { dtype } = describe(part);
  if (!isFloat(dtype)) return false;
  if (externalPlace(part) !== undefined) return true;
  return (
    part.payload.length === 1 && part.payloadField !== undefined && holdsElements(part.payloadField, dtype)
  );
}

/** A constant added behind a layer speaks for dead units as a bias does. */
function foldedMask(
  use: TensorUse,
  unitMasks: ReadonlyMap<string, Uint8Array>,
  nodeOf: ReadonlyMap<string, Node>,
): Uint8Array | undefined {
  if (use.node.opType !== "Add" && use.node.opType !== "Sub") return undefined;
  const spec = use.axes.find((axis) => axis !== undefined);
  const parameters = spec === undefined ? [] : (nodeOf.get(spec)?.parameters ?? []);
  const shift = parameters.find(({ added, trained }) => added && trained);
  return shift === undefined ? undefined : unitMasks.get(shift.name);
}

/** A copy with 0 where `mask` is 0. @param turned the source of a tensor that has inputs first; the mask has outputs first */
function zeroed(tensor: Tensor, mask: Uint8Array, turned: ParameterSource | undefined): Tensor {
  const data = new Uint8Array(tensor.data);
  const elements = bitsOf({ ...tensor, data });
  if (turned === undefined || tensor.shape.length !== 2) {
    const own =
      turned === undefined ? mask : turnedWeight(boolTensor(turned.shape, mask), turned.groups).data;
    for (let e = 0; e < own.length; e++) if (own[e] === 0) elements[e] = 0;
    return { ...tensor, data };
  }
  const [columns, rows] = tensor.shape as [number, number];
  for (let o = 0, e = 0; o < rows; o++) {
    for (let i = 0; i < columns; i++, e++) if (mask[e] === 0) elements[i * rows + o] = 0;
  }
  return { ...tensor, data };
}

/** New values in the file's layout and type, before the factors and offsets merged on import. */
function valuesTensor(
  source: ParameterSource,
  values: Float32Array,
  dims: readonly number[],
  dtype: Dtype,
  isTransposed: boolean,
): Tensor {
  const run = values.length / source.shape[0]!;
  const { scale, offset } = source;
  const at = (folded: number | Float64Array, k: number) =>
    typeof folded === "number" ? folded : folded[Math.floor(k / run)]!;
  const unfolded = (value: number, k: number): number => {
    const rest = value - at(offset, k);
    if (rest === 0) return 0;
    if (at(scale, k) !== 0) return rest / at(scale, k);
    throw new ArgumentError(`"${source.name}"`, {
      given: `the trained value ${value}, which the file multiplies by 0`,
      expected: "a file in which every trained value counts",
      remedy: "Export it to safetensors instead.",
    });
  };
  if (product(dims) !== values.length) {
    throw new ArgumentError(`"${source.name}"`, {
      given: `${values.length} trained values, where the file has ${product(dims)} for groups of units`,
      expected: "a file with one for each unit",
      remedy: "Export it to safetensors instead.",
    });
  }
  const own = scale === 1 && offset === 0 ? values : values.map(unfolded);
  const shape = isTransposed ? turnedDims(dims, source.groups) : dims;
  const tensor = tensorFrom(dtype, shape, own);
  return isTransposed ? turnedWeight(tensor, source.groups) : tensor;
}

function requireSameNetwork(model: ImportedOnnx, masks: Masks): void {
  if (masks.network === model.network) return;
  const own = model.network.prunable;
  const other = masks.network.prunable;
  const fits =
    own.length === other.length &&
    own.every(({ name, length }, k) => name === other[k]!.name && length === other[k]!.length);
  if (fits && own.every(({ shape }, k) => product(shape) === product(other[k]!.shape))) return;
  throw new ArgumentError("masks", {
    given: `masks of ${masks.network.name}`,
    expected: `masks of ${model.network.name}, made for the model that is written`,
  });
}
