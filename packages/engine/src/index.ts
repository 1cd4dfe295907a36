export {
  loadWalkEngine,
  loadWalkEngineSync,
  type NormalFill,
  type UniformFill,
  WalkEngine,
} from "./engine.ts";
export { EngineError, type EngineFault } from "./errors.ts";
export { LayersMachine, type LayersMachineOptions } from "./layers/layersMachine.ts";
export {
  isFloat,
  type Kernel,
  kernelNumber,
  kernels,
  type RecordFields,
  type RecordKind,
  recordBytes,
  records,
  writeRecord,
} from "./layers/records.ts";
export { layerVisits } from "./layerVisits.ts";
export { type MachineLimits, measureMachine } from "./machineLimits.ts";
export type { PathConvolution } from "./paths/geometry.ts";
export { loadPathKernels, PathKernels, type PathWeights, pathKernels } from "./paths/pathKernels.ts";
export { Random, randomU32 } from "./random.ts";
export type { Walker, WalkProgress } from "./walker.ts";
export type { WalkTuning } from "./walkOptions.ts";
export { INPUT, type WalkLayer, type WalkLink, type WalkOptions, type WalkPlan } from "./walkPlan.ts";
export { WalkExpectation, walksExpected } from "./walksExpected.ts";
