/** One output of a network for all examples of a batch, whatever the output's shape. */
import { buildNetwork, elementCount, Masks, type Network } from "@phew/core";
import { counted } from "@phew/runs";
import { executorNames, loadExecutor } from "@phew/training";
import { startProgress } from "./output/progress.ts";
import type { LoadedModel } from "./sources/model.ts";

export interface ComputeOptions {
  readonly executor?: string;
  readonly fastMath?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
}

export interface ComputedOutput {
  /** Row-major `[count, ...network.outputShape]`. */
  readonly values: Float32Array;
  /** Name of the executor, and what computed. */
  readonly executor: string;
  readonly backend: string;
  readonly elapsedMs: number;
}

/** Examples computed at a time: bounds the memory of activations. */
const CHUNK = 64;

/** @param x `[count, ...network.inputShape]` */
export async function computeOutput(
  { network, weights }: Pick<LoadedModel, "network" | "weights">,
  masks: Masks | undefined,
  x: Float32Array,
  count: number,
  options: ComputeOptions,
): Promise<ComputedOutput> {
  const flat = withFlatOutput(network);
  const factory = await loadExecutor(options.executor ?? executorNames[0]!, {
    fastMath: options.fastMath ?? false,
  });
  const executor = await factory({
    network: flat,
    weights,
    ...(masks === undefined ? {} : { masks: masksFor(flat, masks) }),
    optimiser: { name: "sgd" },
    batchSize: Math.min(CHUNK, count),
    seed: 0,
    threadCount: options.threads,
  });
  const outputLength = elementCount(network.outputShape);
  const inputLength = elementCount(network.inputShape);
  const values = new Float32Array(count * outputLength);
  const progress = startProgress("predict", options.json);
  const started = performance.now();
  try {
    for (let first = 0; first < count; first += CHUNK) {
      const some = Math.min(CHUNK, count - first);
      const part = x.subarray(first * inputLength, (first + some) * inputLength);
      values.set(await executor.predict(part, some), first * outputLength);
      progress.update((first + some) / count, counted(first + some, "example"));
    }
  } finally {
    progress.done();
    executor.dispose();
  }
  const { name, backend } = executor;
  return { values, executor: name, backend, elapsedMs: performance.now() - started };
}

/** The same masks; layers of the network that was built anew may stand in another order. */
function masksFor(network: Network, masks: Masks): Masks {
  if (network === masks.network) return masks;
  const own = new Masks(network);
  const layers = new Map(masks.network.prunable.map((parameter) => [parameter.name, parameter]));
  for (const parameter of network.prunable) own.of(parameter).set(masks.of(layers.get(parameter.name)!));
  return own;
}

/** The same network; image outputs are flattened, since executors return vectors. */
function withFlatOutput(network: Network): Network {
  if (network.outputShape.length === 1) return network;
  const specs = network.nodes.map(({ name, op, inputs }) => ({
    name,
    op,
    inputs: inputs.map((input) => network.nodes[input]!.name),
  }));
  let name = "flat output";
  while (specs.some((spec) => spec.name === name)) name += "'";
  const output = network.nodes[network.output]!.name;
  return buildNetwork(network.name, [...specs, { name, op: { kind: "flatten" }, inputs: [output] }], name);
}
