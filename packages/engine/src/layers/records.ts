/**
 * The records that the kernels read (assembly/layers), field by field, four bytes each, in the order of their classes
 * there; a test compares both. Addresses and counts are unsigned whole numbers, fields named in `FLOATS` float32.
 */
export const records = {
  tensor: [
    "origin",
    "blockBytes",
    "unitBytes",
    "rowBytes",
    "pixelBytes",
    "units",
    "height",
    "width",
    "perThread",
    "headBytes",
    "gapBytes",
    "tailBytes",
  ],
  batch: ["count", "blocks", "shards", "step", "rate", "momentum", "weightDecay", "nesterov"],
  transfer: ["tensor", "images"],
  sparseConvolution: ["input", "output", "rowStart", "entries", "bias", "strideY", "strideX", "tileRows"],
  sparseConvolutionBackward: [
    "input",
    "inputGradient",
    "outputGradient",
    "classes",
    "classCount",
    "entries",
    "entryCount",
    "weightGradient",
    "shardBytes",
    "accumulate",
    "strideY",
    "strideX",
    "tileRows",
    "height",
  ],
  placeClass: ["entryCount", "rows", "columns", "inputOffset", "gradientOffset"],
  sparseDense: ["input", "output", "rowStart", "entries", "bias", "accumulate"],
  sparseDenseWeightGradient: [
    "input",
    "outputGradient",
    "rowStart",
    "entries",
    "weightGradient",
    "shardBytes",
  ],
  batchStatistics: ["input", "centre", "partial"],
  batchNorm: [
    "partial",
    "places",
    "units",
    "scale",
    "shift",
    "runningMean",
    "runningVariance",
    "coefficients",
    "epsilon",
    "momentum",
  ],
  combine: [
    "output",
    "first",
    "second",
    "firstCoefficients",
    "secondCoefficients",
    "firstUnits",
    "secondUnits",
    "alpha",
    "cap",
  ],
  gate: ["gradient", "output", "alpha", "cap"],
  gradientSums: ["gradient", "input", "coefficients", "partial", "gradientUnits", "gated", "alpha", "cap"],
  normGradient: [
    "inputGradient",
    "gradient",
    "input",
    "coefficients",
    "gradientUnits",
    "gated",
    "alpha",
    "cap",
    "accumulate",
  ],
  activation: ["input", "output", "name", "alpha"],
  copyUnits: ["input", "output", "pairs", "pairCount", "accumulate"],
  copyPlaces: ["plane", "places", "offsets", "accumulate"],
  clearBorder: ["tensor"],
  clearTensor: ["tensor"],
  pooling: [
    "input",
    "output",
    "inputGradient",
    "outputGradient",
    "kernelY",
    "kernelX",
    "strideY",
    "strideX",
    "top",
    "left",
    "bottom",
    "right",
    "dilationY",
    "dilationX",
    "countPadding",
    "accumulate",
  ],
  globalPooling: ["plane", "mean", "accumulate"],
  dropout: ["input", "output", "unitNumbers", "unitCount", "key", "threshold", "factor", "accumulate"],
  crossEntropy: ["logits", "gradient", "labels", "partial", "labelSmoothing", "divisor"],
  shardSum: ["gradient", "count", "shardBytes", "faulty", "stop"],
  unitGradient: ["gradient", "units", "partial", "elementBytes", "factor", "faulty", "stop"],
  weightUpdate: ["entries", "entryCount", "forwardEntries", "order", "momentum", "gradient"],
  parameterUpdate: ["values", "momentum", "gradient", "count"],
  clearShard: ["sums", "bytes", "shardBytes"],
  unitSums: ["gradient", "partial"],
  finiteCheck: ["tensor", "found"],
  program: ["segments", "segmentCount", "losses", "stop", "times"],
  segment: ["prologue", "prologueCount", "body", "bodyCount", "kind", "stops", "firstTime"],
  instruction: ["kernel", "record"],
} as const;

export type RecordKind = keyof typeof records;
export type RecordFields<Kind extends RecordKind> = Readonly<Record<(typeof records)[Kind][number], number>>;

const FLOATS: ReadonlySet<string> = new Set([
  "alpha",
  "cap",
  "epsilon",
  "factor of dropout",
  "divisor",
  "labelSmoothing",
  "rate",
  "momentum of batch",
  "momentum of batchNorm",
  "weightDecay",
]);
/** Whether a field holds a float32; names that mean both are told apart by their record. */

export const isFloat = (kind: RecordKind, field: string): boolean =>
  FLOATS.has(field) || FLOATS.has(`${field} of ${kind}`);

export const recordBytes = (kind: RecordKind): number => 4 * records[kind].length;
/** Kernels by number, and the kind of record each reads. */
export const kernels = {
  loadImages: "transfer",
  storeImages: "transfer",
  sparseConvolution: "sparseConvolution",
  sparseConvolutionBackward: "sparseConvolutionBackward",
  sparseDense: "sparseDense",
  sparseDenseWeightGradient: "sparseDenseWeightGradient",
  batchStatistics: "batchStatistics",
  batchCoefficients: "batchNorm",
  runningCoefficients: "batchNorm",
  gradientCoefficients: "batchNorm",
  updateRunning: "batchNorm",
  combine: "combine",
  gate: "gate",
  gradientSums: "gradientSums",
  normGradient: "normGradient",
  activation: "activation",
  activationBackward: "activation",
  copyUnits: "copyUnits",
  flatten: "copyPlaces",
  flattenBackward: "copyPlaces",
  clearBorder: "clearBorder",
  clearTensor: "clearTensor",
  maxPool: "pooling",
  maxPoolBackward: "pooling",
  averagePool: "pooling",
  averagePoolBackward: "pooling",
  globalAveragePool: "globalPooling",
  globalAveragePoolBackward: "globalPooling",
  dropout: "dropout",
  crossEntropy: "crossEntropy",
  updateWeights: "weightUpdate",
  updateParameters: "parameterUpdate",
  clearShard: "clearShard",
  unitSums: "unitSums",
  checkFinite: "finiteCheck",
  sumShards: "shardSum",
  sumUnits: "unitGradient",
} as const satisfies Record<string, RecordKind>;

export type Kernel = keyof typeof kernels;

export const kernelNumber = new Map(Object.keys(kernels).map((kernel, number) => [kernel as Kernel, number]));
/** Writes a record field by field; fields that are left out are 0. */
export function writeRecord<Kind extends RecordKind>(
  view: DataView,
  address: number,
  kind: Kind,
  fields: Partial<RecordFields<Kind>>,
): void {
  const values = fields as Readonly<Record<string, number | undefined>>;
  for (const [index, field] of records[kind].entries()) {
    const at = address + 4 * index;
    const value = values[field] ?? 0;
    if (isFloat(kind, field)) view.setFloat32(at, value, true);
    else view.setUint32(at, value, true);
  }
}
