/**
 * Preloaded by tests (`--import`): threads that the code under test starts read TypeScript sources as the tests do. The
 * thread of the tests itself has vitest for it.
 */
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

if (!isMainThread) register("./typescriptHooks.mjs", import.meta.url);
