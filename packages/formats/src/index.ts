export { type BatchExpectations, type BatchFile, readBatch } from "./batchFile.ts";
export {
  EXPORT_FORMS,
  type ExportableModel,
  type ExportForm,
  type ExportOptions,
  isOnFile,
  LAYOUTS,
  type Layout,
} from "./exportForm.ts";
export { exportModel } from "./exportModel.ts";
export type { ModelOutput } from "./joinOutputs.ts";
export { areNormalised, type LeftOutSoftmax, withSoftmaxes } from "./leftOutSoftmax.ts";
export {
  carriedMetadata,
  type MaskFile,
  type MaskOrigin,
  maskMetadata,
  maskTensors,
  readMaskFile,
  readMasks,
  writeMasks,
} from "./maskFile.ts";
export { maskName } from "./maskName.ts";
export { fileExamples, type ModelInput } from "./modelInput.ts";
export { modelInputs } from "./modelInputs.ts";
export { modelOutputs, otherOutputs } from "./modelOutputs.ts";
export { doubtfulNames } from "./moduleLayout.ts";
export type { OnnxExportOptions, OnnxForm, OnnxOutput } from "./onnx/exportOnnx.ts";
export type { ImportedModel, ImportedOnnx, OnnxOptions } from "./onnx/importGraph.ts";
export type { OnnxInterface } from "./onnx/importOnnx.ts";
export { exportOnnx, importOnnx, readOnnx, readOnnxInterface, writeOnnx } from "./onnx/onnx.ts";
export type { ExternalData } from "./onnx/tensors.ts";
export {
  type NamedNode,
  UnsupportedModelError,
  type UnsupportedNode,
  UnsupportedOperationsError,
} from "./onnx/unsupported.ts";
export { otherMasksNote, otherMasksRefused, withOtherMasks } from "./otherMasks.ts";
export { type OpenFile, openBytes, readText, readWhole, withFile, withFileSync } from "./readFile.ts";
export {
  isOnnxModel,
  type ModelSummary,
  type ReadModel,
  type ReadModelOptions,
  readModel,
  summariseModel,
} from "./readModel.ts";
export {
  parseSafetensors,
  readSafetensors,
  safetensorsChunks,
  type TensorFile,
  writeSafetensors,
} from "./safetensors.ts";
export { writeScores } from "./scoreFile.ts";
export {
  boolTensor,
  bytesOf,
  type Dtype,
  ELEMENT_BYTES,
  elementsOf,
  float32Tensor,
  fromFloat32,
  type Tensor,
  type Tensors,
  toFloat32,
} from "./tensor.ts";
export { type NamedTensors, readTensors, type TensorFormat } from "./tensorFile.ts";
export type { TfjsModel } from "./tfjs/importTfjs.ts";
export { digestWeights, ownNames, pickWeights, readWeights } from "./weightsFile.ts";
export { readWeightsInto } from "./weightsInto.ts";
export { type Chunks, requireWritable, type WriteOptions, writeWhole } from "./writeFile.ts";
export { writeNpz } from "./writeNpz.ts";
export { AmbiguousVariantError } from "./zooFit.ts";
