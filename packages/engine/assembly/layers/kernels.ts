/** Made from the kernels in assembly/layers by the build (assembly/border.mjs): a change here is lost. */
import { activation, Activation, activationBackward, activationCurvature, ActivationCurvature } from "./activation";
import { adamw } from "./adamw";
import { Update, sumShards, ShardSum, sumUnits, UnitGradient, clearShard, ClearShard, unitSums, UnitSums } from "./update";
import { batchStatistics, BatchStatistics, batchCoefficients, BatchNorm, runningCoefficients, gradientCoefficients, updateRunning } from "./batchNorm";
import { tangentStatistics, TangentStatistics, normTangents, NormTangent, normGradientTangents } from "./batchNormTangent";
import { combine, Combine, gate, Gate, gradientSums, GradientSums, normGradient, NormGradient } from "./combine";
import { copyUnits, CopyUnits, flatten, CopyPlaces, flattenBackward, clearBorder, ClearBorder, clearTensor, ClearTensor } from "./copyUnits";
import { crossEntropy, CrossEntropy, crossEntropyTangent, CrossEntropyTangent } from "./crossEntropy";
import { dropout, Dropout } from "./dropout";
import { checkFinite, FiniteCheck } from "./finite";
import { maxPool, Pooling, maxPoolBackward, maxPoolTangent, averagePool, averagePoolBackward, globalAveragePool, GlobalPooling, globalAveragePoolBackward } from "./pooling";
import { sgd } from "./sgd";
import { sparseConvolution, SparseConvolution } from "./sparseConvolution";
import { sparseConvolutionBackward, SparseConvolutionBackward } from "./sparseConvolutionBackward";
import { sparseDense, SparseDense, sparseDenseWeightGradient, SparseDenseWeightGradient } from "./sparseDense";
import { sparsePixels, SparsePixels, sparsePixelsWeightGradient, SparsePixelsWeightGradient } from "./sparsePixels";
import { loadImages, Transfer, storeImages } from "./transfer";
import { scaleUnits, UnitScale, unitProducts, UnitProducts } from "./unitScale";
import { winogradConvolution, WinogradConvolution, winogradWeightGradient, WinogradWeightGradient } from "./winograd";
import { winogradWeights, WinogradWeights, winogradGradient, WinogradGradient } from "./winogradWeights";

/** Carries out a kernel, by its number. */
export function call(kernel: u32, record: usize, block: u32): void {
  switch (kernel) {
    case 0: return activation(changetype<Activation>(record), block);
    case 1: return activationBackward(changetype<Activation>(record), block);
    case 2: return activationCurvature(changetype<ActivationCurvature>(record), block);
    case 3: return adamw(changetype<Update>(record), block);
    case 4: return batchStatistics(changetype<BatchStatistics>(record), block);
    case 5: return batchCoefficients(changetype<BatchNorm>(record), block);
    case 6: return runningCoefficients(changetype<BatchNorm>(record), block);
    case 7: return gradientCoefficients(changetype<BatchNorm>(record), block);
    case 8: return updateRunning(changetype<BatchNorm>(record), block);
    case 9: return tangentStatistics(changetype<TangentStatistics>(record), block);
    case 10: return normTangents(changetype<NormTangent>(record), block);
    case 11: return normGradientTangents(changetype<NormTangent>(record), block);
    case 12: return combine(changetype<Combine>(record), block);
    case 13: return gate(changetype<Gate>(record), block);
    case 14: return gradientSums(changetype<GradientSums>(record), block);
    case 15: return normGradient(changetype<NormGradient>(record), block);
    case 16: return copyUnits(changetype<CopyUnits>(record), block);
    case 17: return flatten(changetype<CopyPlaces>(record), block);
    case 18: return flattenBackward(changetype<CopyPlaces>(record), block);
    case 19: return clearBorder(changetype<ClearBorder>(record), block);
    case 20: return clearTensor(changetype<ClearTensor>(record), block);
    case 21: return crossEntropy(changetype<CrossEntropy>(record), block);
    case 22: return crossEntropyTangent(changetype<CrossEntropyTangent>(record), block);
    case 23: return dropout(changetype<Dropout>(record), block);
    case 24: return checkFinite(changetype<FiniteCheck>(record), block);
    case 25: return maxPool(changetype<Pooling>(record), block);
    case 26: return maxPoolBackward(changetype<Pooling>(record), block);
    case 27: return maxPoolTangent(changetype<Pooling>(record), block);
    case 28: return averagePool(changetype<Pooling>(record), block);
    case 29: return averagePoolBackward(changetype<Pooling>(record), block);
    case 30: return globalAveragePool(changetype<GlobalPooling>(record), block);
    case 31: return globalAveragePoolBackward(changetype<GlobalPooling>(record), block);
    case 32: return sgd(changetype<Update>(record), block);
    case 33: return sparseConvolution(changetype<SparseConvolution>(record), block);
    case 34: return sparseConvolutionBackward(changetype<SparseConvolutionBackward>(record), block);
    case 35: return sparseDense(changetype<SparseDense>(record), block);
    case 36: return sparseDenseWeightGradient(changetype<SparseDenseWeightGradient>(record), block);
    case 37: return sparsePixels(changetype<SparsePixels>(record), block);
    case 38: return sparsePixelsWeightGradient(changetype<SparsePixelsWeightGradient>(record), block);
    case 39: return loadImages(changetype<Transfer>(record), block);
    case 40: return storeImages(changetype<Transfer>(record), block);
    case 41: return scaleUnits(changetype<UnitScale>(record), block);
    case 42: return unitProducts(changetype<UnitProducts>(record), block);
    case 43: return sumShards(changetype<ShardSum>(record), block);
    case 44: return sumUnits(changetype<UnitGradient>(record), block);
    case 45: return clearShard(changetype<ClearShard>(record), block);
    case 46: return unitSums(changetype<UnitSums>(record), block);
    case 47: return winogradConvolution(changetype<WinogradConvolution>(record), block);
    case 48: return winogradWeightGradient(changetype<WinogradWeightGradient>(record), block);
    case 49: return winogradWeights(changetype<WinogradWeights>(record), block);
    case 50: return winogradGradient(changetype<WinogradGradient>(record), block);
    default: unreachable();
  }
}
