/**
 * How much the units that layers read are active: means of |value| over examples and places, in evaluation mode. One network
 * puts out the inputs of all layers, flattened, behind each other; its forward pass is the sparse executor's.
 */
import {
  type ActivationRequest,
  buildNetwork,
  elementCount,
  type Network,
  type NodeSpec,
  type UnitActivations,
  unitFlows,
} from "@phew/core";
import { checkNetwork } from "../../checks.ts";
import { loadExecutor } from "../../executors.ts";

/** Examples at a time, and values that are put out at a time. */
const MOST_EXAMPLES = 64;
const MOST_VALUES = 2 ** 23;

interface Reading {
  /** Name of the weight. */
  readonly weight: string;
  readonly inCount: number;
  /** Index of the node that is read, and its place in the output. */
  readonly from: number;
}

/** Of layers that share a weight the mean over them. @throws ArgumentError as the executor; signal.reason */
export async function unitActivations(
  request: ActivationRequest,
  threadCount: number,
): Promise<UnitActivations> {
  const { network, weights, batches, signal } = request;
  checkNetwork(request);
  const readings = unitFlows(network).flatMap((flow): Reading[] =>
    flow.kind === "weights" ? [{ weight: flow.parameter.name, inCount: flow.inCount, from: flow.from }] : [],
  );
  const { probe, starts } = probed(network, [...new Set(readings.map(({ from }) => from))]);
  const [length] = probe.outputShape as [number];
  const chunk = Math.max(1, Math.min(MOST_EXAMPLES, Math.floor(MOST_VALUES / length)));
  const create = await loadExecutor("sparse");
  const executor = await create({
    ...{ network: probe, weights, optimiser: { name: "sgd" }, batchSize: chunk, seed: 0, threadCount },
  });
  const sums = new Float64Array(length);
  let exampleCount = 0;
  try {
    for (const { x, count } of batches) {
      const inputLength = x.length / count;
      for (let first = 0; first < count; first += chunk) {
        signal?.throwIfAborted();
        const some = Math.min(chunk, count - first);
        const values = await executor.predict(
          x.subarray(first * inputLength, (first + some) * inputLength),
          some,
        );
        for (let k = 0; k < some; k++)
          for (let j = 0; j < length; j++) sums[j]! += Math.abs(values[k * length + j]!);
        exampleCount += some;
      }
    }
  } finally {
    executor.dispose();
  }
  return meansOf(network, readings, starts, sums, exampleCount);
}

/** @param sources indices of nodes @returns a network that puts their values out, and the start of each */
function probed(
  network: Network,
  sources: readonly number[],
): { probe: Network; starts: ReadonlyMap<number, number> } {
  const { nodes } = network;
  const taken = new Set(nodes.map(({ name }) => name));
  const fresh = (wanted: string) => {
    let name = wanted;
    while (taken.has(name)) name += "'";
    taken.add(name);
    return name;
  };
  const specs: NodeSpec[] = nodes.map(({ name, op, inputs }) => {
    return { name, op, inputs: inputs.map((input) => nodes[input]!.name) };
  });
  // the output itself keeps every layer on a way to the end
  const read = [...sources, network.output];
  const flat = read.map((source) => {
    const { name, shape } = nodes[source]!;
    if (shape.length === 1) return name;
    const flattened = fresh(`${name} flat`);
    specs.push({ name: flattened, op: { kind: "flatten" }, inputs: [name] });
    return flattened;
  });
  const output = fresh("activations");
  specs.push({ name: output, op: { kind: "concat" }, inputs: flat });
  const starts = new Map<number, number>();
  let start = 0;
  for (const source of sources) {
    starts.set(source, start);
    start += elementCount(nodes[source]!.shape);
  }
  return { probe: buildNetwork(network.name, specs, output), starts };
}

function meansOf(
  { nodes }: Network,
  readings: readonly Reading[],
  starts: ReadonlyMap<number, number>,
  sums: Float64Array,
  exampleCount: number,
): UnitActivations {
  const means = new Map<string, Float64Array>();
  const places = new Map<string, number>();
  for (const { weight, from } of readings)
    places.set(weight, (places.get(weight) ?? 0) + elementCount(nodes[from]!.shape.slice(1)));
  for (const { weight, inCount, from } of readings) {
    const own = means.get(weight) ?? new Float64Array(inCount);
    means.set(weight, own);
    const start = starts.get(from)!;
    const plane = elementCount(nodes[from]!.shape.slice(1));
    for (let unit = 0; unit < inCount; unit++) {
      for (let k = 0; k < plane; k++)
        own[unit]! += sums[start + unit * plane + k]! / (exampleCount * places.get(weight)!);
    }
  }
  return means;
}
