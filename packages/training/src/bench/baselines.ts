/** The programs that a benchmark may put beside an executor, by name. Adding one: a line here. */
import { fileURLToPath } from "node:url";
import { unknownName } from "@phew/core";
import type { Command } from "./contender.ts";
import type { ExecutorChoice } from "./task.ts";

export interface Baseline {
  readonly command: Command;
  readonly executor?: ExecutorChoice;
  /** True if it gets as many threads as the executor it is compared with. */
  readonly threads: boolean;
}

// both are the same file from src/ and from dist/: the built one, since Node reads no TypeScript
const executorProcess = fileURLToPath(new URL("../../dist/bench/executorProcess.js", import.meta.url));
const torchProgram = fileURLToPath(new URL("../../pytorch/train.py", import.meta.url));

/** What runs an executor. */
export const executorCommand: Command = { program: process.execPath, args: [executorProcess] };

const baselines: ReadonlyMap<string, Baseline> = new Map([
  ["torch", { command: { program: "python3", args: [torchProgram] }, threads: true }],
  ["tfjs", ofTensorflow("tfjs-wasm")],
  ["tensorflow", ofTensorflow("tfjs-node")],
]);

/** `none` too. */
export const baselineNames: readonly string[] = [...baselines.keys(), "none"];

/** @returns undefined for `none` @throws ArgumentError for an unknown name */
export function baselineByName(name: string): Baseline | undefined {
  const baseline = baselines.get(name);
  if (baseline === undefined && name !== "none") throw unknownName("baseline", name, baselineNames);
  return baseline;
}

function ofTensorflow(backend: NonNullable<ExecutorChoice["backend"]>): Baseline {
  return { command: executorCommand, executor: { name: "tensorflow", backend }, threads: false };
}
