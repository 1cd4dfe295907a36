/** The backends of TensorFlow.js to test: tfjs-node where its native part is installed, the WebAssembly backend everywhere. */
import { probeTensorflow, type TensorflowBackend } from "../src/tensorflow.ts";

const { tfjsNode } = await probeTensorflow();

/** For `describe.each`: what to test, and a heading that says why it is skipped. */
export const backends: readonly { backend: TensorflowBackend; heading: string; present: boolean }[] = [
  { backend: "tfjs-wasm", heading: "tfjs-wasm", present: true },
  {
    backend: "tfjs-node",
    heading: tfjsNode.available ? "tfjs-node" : `tfjs-node (skipped: ${tfjsNode.reason})`,
    present: tfjsNode.available,
  },
];
