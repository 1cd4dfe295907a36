/**
 * Weights of which nothing but names and shapes is known, as a network without nodes: what looks at weights alone
 * (magnitude, random, uniform, erk) prunes it, whatever the file that they come from computes. Everything else asks
 * {@link requireUnits} first.
 */
import { ArgumentError } from "../errors.ts";
import { elementCount, type Shape } from "../operations/shape.ts";
import type { Network } from "./network.ts";

export interface LooseWeight {
  readonly name: string;
  /** Two axes and more, in the layout of the state dict. */
  readonly shape: Shape;
}

/** @throws ArgumentError if there is no weight, or a name stands twice */
export function looseNetwork(name: string, weights: readonly LooseWeight[]): Network {
  const twice = weights.find((weight, k) => weights.findIndex((other) => other.name === weight.name) < k);
  if (weights.length === 0 || twice !== undefined) {
    throw new ArgumentError(name, {
      given: twice === undefined ? "no weight of two axes or more" : `the weight "${twice.name}" twice`,
      expected: twice === undefined ? "at least one" : "a name of its own for each",
    });
  }
  let start = 0;
  const prunable = weights.map((weight) => {
    const length = elementCount(weight.shape);
    start += length;
    const { name: own, shape } = weight;
    const fixed = { role: "weight", initial: "drawn", trained: true, added: false, unitAxis: 0 } as const;
    return { name: own, shape, ...fixed, node: -1, nodes: [], start: start - length, length };
  });
  return {
    name,
    nodes: [],
    inputs: [],
    output: -1,
    inputShape: [],
    outputShape: [],
    parameters: prunable,
    prunable,
    prunableCount: start,
  };
}

/** True for weights without the graph that they are of. */
export function isLoose({ nodes }: Pick<Network, "nodes">): boolean {
  return nodes.length === 0;
}

/** @param subject what asks @throws ArgumentError for weights of which no units are known */
export function requireUnits(network: Network, subject: string): void {
  if (!isLoose(network)) return;
  throw new ArgumentError(subject, {
    given: `${network.name}, of which the weights alone are known`,
    expected: "a network whose units are known",
    remedy: "phew doctor says what stands in the way; --architecture names the network of a file of weights.",
  });
}
