export { activate } from "./activate.ts";
export {
  directionalDerivative,
  gradient,
  hessianVectorProduct,
  partialDerivative,
  type ScalarFunction,
} from "./differences.ts";
export { type ElementPathSums, elementPathSums } from "./elementPaths.ts";
export { type ForwardResult, forward } from "./forward.ts";
export { type OracleGraph, type OracleNode, shapesOf } from "./graph.ts";
export { crossEntropy, type LossOptions } from "./loss.ts";
export type { ForwardOptions, Parameters } from "./numbers.ts";
export type { OracleOp } from "./operations/registry.ts";
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
  plainChts,
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
export { sizeOf } from "./shapes.ts";
export { type Edge, PHEW, Walker, type WalkProbability, type WalkRules } from "./walk.ts";
export { isWeighted, OUTPUT, type WayBack, type WayOn, Ways } from "./ways.ts";
export type { Pair, Window } from "./windows.ts";
