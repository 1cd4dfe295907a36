export { absentPaths, type LayerPaths } from "./analysis/absentPaths.ts";
export {
  type AnalyseOptions,
  type Analysis,
  analyse,
  type LayerAnalysis,
  layerMeasures,
  measures,
  type PathMeasure,
  SEPARATE_MEASURES,
  type SeparateMeasure,
  traceLogs,
} from "./analysis/analyse.ts";
export { ineffectiveWeights } from "./analysis/effective.ts";
export type { FanSummary } from "./analysis/fan.ts";
export { type Examples, type GradientNorms, gradientNorms } from "./analysis/gradientNorms.ts";
export { type DensityRun, type Knee, knee } from "./analysis/knee.ts";
export { fitLogistic, type LogisticCurve, logisticAt } from "./analysis/logisticFit.ts";
export {
  describeMaskFaults,
  type MaskFaults,
  maskFaults,
  maskWarnings,
  type SoundnessOptions,
} from "./analysis/maskFaults.ts";
export {
  type LayerMultiplyAdds,
  type MultiplyAddOptions,
  type MultiplyAdds,
  multiplyAdds,
} from "./analysis/multiplyAdds.ts";
export { type NtkTrace, type NtkTraceOptions, ntkTrace } from "./analysis/ntkTrace.ts";
export { type MaskOverlap, type Overlap, overlap } from "./analysis/overlap.ts";
export {
  type PathKernelShares,
  type PathKernelTrace,
  pathKernelShares,
  pathKernelTrace,
  widePathKernelShares,
  widePathKernelTrace,
} from "./analysis/pathKernelTrace.ts";
export { type PathSumOptions, pathSums, widePathSums } from "./analysis/pathSums.ts";
export { retraceWalks, type WalkOrigin } from "./analysis/retraceWalks.ts";
export { type TauCore, tauCore } from "./analysis/tauCore.ts";
export { type LayerWalks, type UnitWalks, unitWalks } from "./analysis/unitWalks.ts";
export { log10Of, numberOf, type Wide } from "./analysis/wide.ts";
export { applyCheck, completeCheck } from "./checks/applyCheck.ts";
export type { AppliedCheck, Check, Checked, CheckRequest, CheckSettings } from "./checks/check.ts";
export { checkByName, checks } from "./checks/registry.ts";
export type {
  ActivationRequest,
  Batch,
  DifferentiationRequest,
  Differentiator,
  HessianProduct,
  LossGradients,
  UnitActivations,
} from "./differentiation.ts";
export { allocate, allocateByShare, type LayerShare } from "./masks/allocate.ts";
export { layerProgress } from "./masks/layerProgress.ts";
export {
  AWAKE,
  type MaskChange,
  stateAfterChange,
  unitChange,
  weightsAfterChange,
} from "./masks/maskChange.ts";
export { maskedWeights } from "./masks/maskedWeights.ts";
export { applyMasks, countKept, keepCountAt, keptIndices, Masks } from "./masks/masks.ts";
export { nonzeroMasks, silencedCount, zeroCount } from "./masks/nonzeroMasks.ts";
export { MASK_STREAM, sampleInto } from "./masks/sample.ts";
export { keepTop, keepTopInto, type SelectOptions } from "./masks/select.ts";
export { deadUnits, maskedParameters, silentUnits } from "./masks/silentUnits.ts";
export type { ScoredMask } from "./masks/threshold.ts";
export * from "./messages.ts";
export { type Assumption, assumptionsOf } from "./network/assumptions.ts";
export { NetworkBuilder, type Value } from "./network/builder.ts";
export { type Compact, compactNetwork } from "./network/compact.ts";
export { isLoose, type LooseWeight, looseNetwork, requireUnits } from "./network/looseWeights.ts";
export {
  buildNetwork,
  type Network,
  type Node,
  type NodeSpec,
  type PrunableParameter,
  sharedParameters,
} from "./network/network.ts";
export { type UnitFlow, unitFlows, type WeightFlow, weightFlows } from "./network/unitFlow.ts";
export { unrolled } from "./network/unrolled.ts";
export { type Untied, untied } from "./network/untied.ts";
export {
  ACTIVATIONS,
  type Activation,
  type ActivationName,
  activationParameters,
  activationValue,
  CONSTANT_ACTIVATIONS,
  erf,
} from "./operations/activation.ts";
export type { Attention, AttentionMask } from "./operations/attention.ts";
export { PARAMETER_ROLES, type Parameter, type ParameterRole } from "./operations/definition.ts";
export { elementsMoved, type Rearrange } from "./operations/rearrange.ts";
export { type Cell, GATE_COUNTS, type Recurrent } from "./operations/recurrent.ts";
export { definitionOf, type Operation, operationLabel, operations } from "./operations/registry.ts";
export { planeTerms } from "./operations/resample.ts";
export {
  type AxisTerms,
  allPlaces,
  type PadMode,
  paddedAxis,
  placesTaken,
  spreadAxis,
  type Term,
  transposedTerms,
  type WindowAxis,
  windowTerms,
} from "./operations/resampling.ts";
export { unitRun } from "./operations/select.ts";
export { elementCount, type Shape } from "./operations/shape.ts";
export { windowCount } from "./operations/spatial.ts";
export { type PruneResult, type PruneSettings, prune, requireConfinable, requireWithin } from "./prune.ts";
export { phewNested } from "./pruners/phew.ts";
export {
  completeOptions,
  examplesOf,
  type OptionSpec,
  type OptionValue,
  type PruneProgress,
  type PruneRequest,
  type Pruner,
  type Pruning,
  type PruningData,
  requireMeaning,
} from "./pruners/pruner.ts";
export { prunerByName, pruners } from "./pruners/registry.ts";
export { longestWalk, walkPlan } from "./walks/plan.ts";
export { USUAL_LIMIT_MS } from "./walks/walking.ts";
export {
  type Distribution,
  type Initialisation,
  initialisationByName,
  initialisations,
} from "./weights/initialisation.ts";
export { type InitialiseOptions, initialise } from "./weights/initialise.ts";
export { type FloatTensor, requireFiniteWeights, type Weights, weightsFor } from "./weights/weights.ts";
export type { ZooHead, ZooVariant } from "./zoo/model.ts";
export {
  ownInitialisation,
  variantOfSeveral,
  type ZooEntry,
  type ZooOptions,
  zooEntries,
  zooModel,
  zooVariant,
} from "./zoo/zoo.ts";
