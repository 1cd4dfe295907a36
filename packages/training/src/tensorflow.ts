/** The door to the tensorflow executor: TensorFlow.js is loaded when one of these is called, and not before. */
import { ArgumentError } from "@phew/core";
import type { ExecutorFactory } from "./executor.ts";
import type { Availability, TensorflowBackend } from "./tensorflow/backend.ts";
import { CORE, installation, isAbsent, WASM } from "./tensorflow/packages.ts";

export type { Availability, TensorflowBackend };

/**
 * Loads TensorFlow.js.
 * @param backend absent: tfjs-node if its native part is installed, else the WebAssembly backend
 * @throws ArgumentError with the command that installs it, if it is not installed
 */
export async function loadTensorflowExecutor(backend?: TensorflowBackend): Promise<ExecutorFactory> {
  if (!(await hasCore())) {
    throw new ArgumentError("executor", {
      given: `tensorflow, without the package ${CORE}`,
      expected: "an executor that is installed",
      remedy: `Install it (${installation(CORE, WASM)}), or take the sparse executor.`,
    });
  }
  const { requireInstalled } = await import("./tensorflow/backend.ts");
  await requireInstalled(backend);
  const { tensorflowExecutor } = await import("./tensorflow/executor.ts");
  return tensorflowExecutor(backend);
}

/** Whether each of the backends works here, with the reason if not; for a report on what is installed. */
export async function probeTensorflow(): Promise<{ tfjsNode: Availability; wasm: Availability }> {
  if (!(await hasCore())) {
    const reason = `${CORE} is not installed: ${installation(CORE, WASM)}`;
    return { tfjsNode: { available: false, reason }, wasm: { available: false, reason } };
  }
  const { probeTensorflow: probe } = await import("./tensorflow/backend.ts");
  return await probe();
}

async function hasCore(): Promise<boolean> {
  try {
    await import("@tensorflow/tfjs-core");
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
