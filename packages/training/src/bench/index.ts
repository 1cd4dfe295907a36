/** Benchmarks of networks, layers and masks compared with other programs. For Node. */
export { ByteImages } from "../datasets/dataset.ts";
export { digestOfExamples, FileDigest } from "../datasets/digest.ts";
export { changed } from "../rules/change.ts";
export { baselineNames } from "./baselines.ts";
export type { BenchedModel } from "./benchedModel.ts";
export { BENCHED_LAYER, benchLayer, type LayerBenchOptions } from "./benchLayer.ts";
export { type BenchOptions, type BenchSettings, benchPredict, benchTrain } from "./benchNetwork.ts";
export { benchPrune, type MaskTime, type PruneBenchOptions, type PruneBenchReport } from "./benchPrune.ts";
export { kernelPlan, type LayerPlan } from "./kernelPlan.ts";
export { linearScanWalk } from "./linearScanWalker.ts";
export type { LayerTime, PlannedMemory, Profiled } from "./profiled.ts";
export type { Pace, Ratio } from "./race.ts";
export type { BenchReport, ContenderReport, LayerWork, Work } from "./report.ts";
export type { BenchMode, MemoryUse, Round, Stretch } from "./task.ts";
export { type TorchDerivativeOptions, type TorchDerivatives, torchDerivatives } from "./torchDerivatives.ts";
export { type TorchRewire, type TorchRewireOptions, torchRewire } from "./torchRewire.ts";
export { type TorchSynflow, type TorchSynflowOptions, torchSynflow } from "./torchSynflow.ts";
