export { ActivationNumber, kernels, NO_UNIT, records } from "./border/layers.ts";
export { type FieldsOf, type RecordLayout, recordArray, writeRecord } from "./border/record.ts";
export {
  loadWalkEngine,
  loadWalkEngineSync,
  type NormalFill,
  type UniformFill,
  WalkEngine,
} from "./engine.ts";
export { EngineError, type EngineFault } from "./errors.ts";
export { type Kernel, type KernelRecord, kernelNumber, type UpdateKernel } from "./layers/kernel.ts";
export { LayersRuntime, type LayersRuntimeOptions } from "./layers/layersRuntime.ts";
export { layerVisits } from "./layerVisits.ts";
export { type MachineLimits, measureMachine } from "./machineLimits.ts";
export type { PathConvolution } from "./paths/geometry.ts";
export { loadPathKernels, PathKernels, type PathWeights, pathKernels } from "./paths/pathKernels.ts";
export { Random, randomU32 } from "./random.ts";
export type { Walker, WalkProgress } from "./walker.ts";
export type { WalkTuning } from "./walkOptions.ts";
export { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
export { WalkExpectation, walksExpected } from "./walksExpected.ts";
