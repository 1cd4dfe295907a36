/**
 * A layer as a bipartite graph: an edge from input i to output o where the kernel (o, i) keeps at least one weight. Dense
 * layers have kernels of one weight.
 */
import type { Masks, Network } from "@phew/core";
import { weightFlows } from "@phew/core";

export interface Bipartite {
  readonly outCount: number;
  /** Inputs of one group: a grouped convolution is read with the inputs of each output's group. */
  readonly inCount: number;
  readonly kernelSize: number;
  /** First weight, in the order of `network.prunable`. */
  readonly start: number;
  /** Inputs of each output, ascending; outputs of each input, ascending. */
  readonly inputsOf: readonly (readonly number[])[];
  readonly outputsOf: readonly (readonly number[])[];
}

/** In a grouped convolution inputs are numbered group · inputs of a group + input. @param layer index in `network.prunable` */
export function bipartite(network: Network, masks: Masks, layer: number): Bipartite {
  const flow = weightFlows(network)[layer]!;
  const { start } = network.prunable[layer]!;
  const { outCount, groups, kernelSize } = flow;
  const inCount = flow.inCount / groups;
  const inputsOf: number[][] = Array.from({ length: outCount }, () => []);
  const outputsOf: number[][] = Array.from({ length: flow.inCount }, () => []);
  for (let o = 0; o < outCount; o++) {
    const first = Math.floor((o * groups) / outCount) * inCount;
    for (let i = 0; i < inCount; i++) {
      const kernel = start + (o * inCount + i) * kernelSize;
      if (!masks.bytes.subarray(kernel, kernel + kernelSize).includes(1)) continue;
      inputsOf[o]!.push(first + i);
      outputsOf[first + i]!.push(o);
    }
  }
  return { outCount, inCount, kernelSize, start, inputsOf, outputsOf };
}
