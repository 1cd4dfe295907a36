export { activate } from "./activations.ts";
export {
  directionalDerivative,
  gradient,
  hessianVectorProduct,
  partialDerivative,
  type ScalarFunction,
} from "./differences.ts";
export { type ElementPathSums, elementPathSums } from "./elementPaths.ts";
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
export { edgesOnPaths } from "./pathEdges.ts";
export { draw, randomFrom } from "./random.ts";
export {
  type PlainChange,
  type PlainRandom,
  type PlainRow,
  type PlainScored,
  type PlainStreams,
  type PlainWeight,
  plainCht,
  plainDsr,
  plainGranet,
  plainGse,
  plainMest,
  plainPathDraws,
  plainRigl,
  plainSet,
  plainSetSigns,
  plainSnfs,
  plainSrigl,
} from "./rules.ts";
export { type Edge, PHEW, Walker, type WalkProbability, type WalkRules } from "./walk.ts";
export { isWeighted, OUTPUT, type WayBack, type WayOn, Ways } from "./ways.ts";
