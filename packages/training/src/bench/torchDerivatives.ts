/** Hessian-vector products by PyTorch, for comparison: runs pytorch/derivatives.py. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type DifferentiationRequest, elementCount, type Weights } from "@phew/core";
import { bytesOf, describeNetwork } from "./task.ts";

export interface TorchDerivativeOptions {
  readonly threadCount: number;
  /** 1 unless given. */
  readonly rounds?: number;
  /** In float64. */
  readonly double?: boolean;
}

/** By the clock, and of the processor on all threads. */
export interface Seconds {
  readonly clock: number;
  readonly processor: number;
}

export interface TorchDerivatives {
  readonly version: string;
  /** Of every round. */
  readonly gradients: readonly Seconds[];
  /** Of a gradient and the product together. */
  readonly product: readonly Seconds[];
  /** H·v by parameter name. */
  readonly products: ReadonlyMap<string, Float64Array>;
  /** ∂L/∂θ by parameter name. */
  readonly gradientValues: ReadonlyMap<string, Float64Array>;
}

const program = fileURLToPath(new URL("../../pytorch/derivatives.py", import.meta.url));
const MOST_ANSWER_BYTES = 2 ** 30;

/**
 * Of the first batch of a request, without masks.
 * @param direction of every trained parameter
 * @throws Error with python3's last line of output if it or torch is missing
 */
export function torchDerivatives(
  { network, weights, batches, statistics, temperature = 1 }: DifferentiationRequest,
  direction: Weights,
  { threadCount, rounds = 1, double = false }: TorchDerivativeOptions,
): TorchDerivatives {
  const { x, y, count } = batches[0]!;
  const trained = network.parameters.filter((parameter) => parameter.trained);
  const task = {
    network: describeNetwork(network),
    parameters: network.parameters.map(({ name, shape, role }) => ({ name, shape, role })),
    ...{ count, statistics, temperature, threadCount, rounds, double },
  };
  const numbers = [
    ...network.parameters.map(({ name }) => weights.get(name)!),
    x,
    y,
    ...trained.map(({ name }) => direction.get(name)!),
  ];
  const input = Buffer.concat([Buffer.from(`${JSON.stringify(task)}\n`), ...numbers.map(bytesOf)]);
  const child = spawnSync("python3", [program], { input, maxBuffer: MOST_ANSWER_BYTES });
  if (child.status !== 0)
    throw new Error(child.error?.message ?? child.stderr.toString().trim().split("\n").at(-1));
  const end = child.stdout.indexOf("\n");
  const times: Omit<TorchDerivatives, "products" | "gradientValues"> = JSON.parse(
    child.stdout.toString("utf8", 0, end),
  );
  // a copy starts at an aligned address
  const values = new Float64Array(new Uint8Array(child.stdout.subarray(end + 1)).buffer);
  let next = 0;
  const read = (): Map<string, Float64Array> => {
    const byName = new Map<string, Float64Array>();
    for (const { name, shape } of trained) {
      const length = elementCount(shape);
      byName.set(name, values.subarray(next, next + length));
      next += length;
    }
    return byName;
  };
  return { ...times, products: read(), gradientValues: read() };
}
