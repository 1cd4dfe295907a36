/** The engine under test; where it was not built, the word that says so. */
import { loadWalkEngineSync, type WalkEngine } from "../src/index.ts";

/** @throws EngineError "walk.wasm: … Build it with …" where dist/walk.wasm is missing */
export function builtEngine(): WalkEngine {
  return loadWalkEngineSync();
}
