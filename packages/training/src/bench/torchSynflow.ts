/** SynFlow by PyTorch as its authors have it, for comparison: runs pytorch/synflow.py. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { buffer, text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Network, Weights } from "@phew/core";
import { bytesOf, describeNetwork } from "./task.ts";

export interface TorchSynflowOptions {
  readonly density: number;
  /** Rounds of scores. */
  readonly rounds: number;
  readonly threadCount: number;
  /** Masks made one after the other. */
  readonly repeats: number;
  readonly signal?: AbortSignal | undefined;
}

export interface TorchSynflow {
  readonly version: string;
  /** By the clock, of every mask. */
  readonly seconds: readonly number[];
  /** Of the processor on all threads. */
  readonly cpuSeconds: readonly number[];
  readonly keptCount: number;
}

const program = fileURLToPath(new URL("../../pytorch/synflow.py", import.meta.url));

/** @throws Error with python3's last line of output if it or torch is missing; signal.reason */
export async function torchSynflow(
  network: Network,
  weights: Weights,
  { signal, ...options }: TorchSynflowOptions,
): Promise<TorchSynflow> {
  const task = {
    ...options,
    network: describeNetwork(network),
    parameters: network.parameters.map(({ name, shape, role }) => ({ name, shape, role })),
  };
  const child = spawn("python3", [program], { ...(signal && { signal }) });
  // a program that exits before reading everything reports its error elsewhere
  child.stdin.on("error", () => {});
  child.stdin.write(`${JSON.stringify(task)}\n`);
  for (const { name } of network.parameters) child.stdin.write(bytesOf(weights.get(name)!));
  child.stdin.end();
  const end = once(child, "close").catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? new Error("python3 is not installed") : error;
  });
  const [output, failure, [status]] = await Promise.all([buffer(child.stdout), text(child.stderr), end]);
  if (status !== 0) throw new Error(failure.trim().split("\n").at(-1) || `python3 ended with ${status}`);
  return JSON.parse(output.toString());
}
