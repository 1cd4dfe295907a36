/** The packages of TensorFlow.js: optional peer dependencies of this one. Loads none of them. */
import { createRequire } from "node:module";

export const CORE = "@tensorflow/tfjs-core";
export const WASM = "@tensorflow/tfjs-backend-wasm";
export const NATIVE = "@tensorflow/tfjs-node";

const require = createRequire(import.meta.url);

/** Whether an import failed because there is no such package. */
export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
}

/** The command that installs packages where phew is installed, of the versions that it is made for. */
export function installation(...names: string[]): string {
  const { peerDependencies } = require("../../package.json") as { peerDependencies: Record<string, string> };
  return `npm install ${names.map((name) => `${name}@${peerDependencies[name]}`).join(" ")}`;
}
