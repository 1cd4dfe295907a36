/** The module of layers: one instance for each thread, all on one memory; numbers only. */
import "./multiplyAdd";

export { setBatch, setThread } from "./layout";
export { run, serve } from "./program";

/** First address that is free for the host. */
export function heapBase(): usize {
  return __heap_base;
}
