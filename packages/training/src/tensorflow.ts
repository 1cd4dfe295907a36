/** The door to the tensorflow executor: TensorFlow.js is loaded when one of these is called, and not before. */
import type { ExecutorFactory } from "./executor.ts";
import type { Availability, TensorflowBackend } from "./tensorflow/backend.ts";
import type { InstallOptions, NativeInstallation } from "./tensorflow/install/installNative.ts";

export type { Availability, InstallOptions, NativeInstallation, TensorflowBackend };

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

/**
 * Installs the native part of tfjs-node: by its own installer, else from the C library of the tensorflow-cpu wheel.
 * @throws ArgumentError saying what was tried and why it failed; signal.reason
 */
export async function installTensorflow(options: InstallOptions = {}): Promise<NativeInstallation> {
  const { installNative } = await import("./tensorflow/install/installNative.ts");
  return await installNative(options);
}
