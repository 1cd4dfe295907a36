/** RigL by PyTorch with dense gradients and masks, for comparison: runs pytorch/rewire.py. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Batch, type Masks, maskedWeights, type Network, type Weights } from "@phew/core";
import { bytesOf, describeNetwork } from "./task.ts";

export interface TorchRewireOptions {
  readonly threadCount: number;
  readonly rounds: number;
  /** ζ: share of each layer's kept weights that a change replaces. */
  readonly fraction: number;
}

/** Seconds of the processor on all threads, of every round. */
export interface TorchRewire {
  readonly version: string;
  readonly step: readonly number[];
  readonly change: readonly number[];
}

const program = fileURLToPath(new URL("../../pytorch/rewire.py", import.meta.url));

/** @throws Error with python3's last line of output if it or torch is missing */
export function torchRewire(
  network: Network,
  weights: Weights,
  masks: Masks,
  { x, y, count }: Batch,
  options: TorchRewireOptions,
): TorchRewire {
  const task = {
    network: describeNetwork(network),
    parameters: network.parameters.map(({ name, shape, role }) => ({ name, shape, role })),
    count,
    ...options,
  };
  const used = maskedWeights(weights, masks);
  const numbers = [...network.parameters.map(({ name }) => used.get(name)!), x, y].map(bytesOf);
  const input = Buffer.concat([Buffer.from(`${JSON.stringify(task)}\n`), ...numbers, masks.bytes]);
  const child = spawnSync("python3", [program], { input });
  if (child.status !== 0)
    throw new Error(child.error?.message ?? child.stderr.toString().trim().split("\n").at(-1));
  return JSON.parse(child.stdout.toString());
}
