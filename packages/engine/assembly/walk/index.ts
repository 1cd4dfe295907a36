/** The walking engine's wasm module: one instance for each walker, numbers only. */
export { aliasScratchBytes, makeBackwardAlias, makeForwardAlias } from "./alias";
export { checkWeights, forgetMagnitude, hasZero } from "./finite";
export { levelStride, setWalker } from "./layout";
export { clearMask, expandBits, keepBytes, kept, setMask, steps } from "./mask";
export { fillNormal, fillUniform } from "./normal";
export { expectedProposals, measureLayer, sumRows } from "./norms";
export { fillU32 } from "./random";
export { countReachable, setReach } from "./reach";
export { makeBackwardBytes, makeForwardBytes } from "./reject";
export { setSamplers } from "./samplers";
export { advance, start, walkOne, walks } from "./walk";

/** First address that is free for the host. */
export function heapBase(): usize {
  return __heap_base;
}
