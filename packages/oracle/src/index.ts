export { activate } from "./activations.ts";
export {
  directionalDerivative,
  gradient,
  hessianVectorProduct,
  partialDerivative,
  type ScalarFunction,
} from "./differences.ts";
export { type ForwardOptions, type ForwardResult, forward } from "./forward.ts";
export {
  type OracleGraph,
  type OracleNode,
  type OracleOp,
  type Pair,
  type Parameters,
  shapesOf,
  sizeOf,
  type Window,
} from "./graph.ts";
export { crossEntropy, type LossOptions } from "./loss.ts";
