/** The door to the tensorflow executor: TensorFlow.js is loaded when one of these is called, and not before. */
import type { ExecutorFactory } from "./executor.ts";
import type { Availability, TensorflowBackend } from "./tensorflow/backend.ts";

export type { Availability, TensorflowBackend };

/**
 * Loads TensorFlow.js.
 * @param backend absent: tfjs-node where its native part is installed, else the WebAssembly backend
 */
export async function loadTensorflowExecutor(backend?: TensorflowBackend): Promise<ExecutorFactory> {
  const { tensorflowExecutor } = await import("./tensorflow/executor.ts");
  return tensorflowExecutor(backend);
}

/** Whether each of the backends works here, and why not; for a report on what is installed. */
export async function probeTensorflow(): Promise<{ tfjsNode: Availability; wasm: Availability }> {
  const { probeTensorflow: probe } = await import("./tensorflow/backend.ts");
  return await probe();
}
