/** What programs compute: a network and what is left of it by its masks. How, and where in memory, is for the plan. */
import {
  ArgumentError,
  type Masks,
  maskedParameters,
  type Network,
  operationLabel,
  operations,
} from "@phew/core";
import { type Combination, combinations } from "./combinations.ts";
import type { Fixed } from "./fixed.ts";
import { KeptWeights } from "./keptWeights.ts";
import { type StoredUnits, storedUnits } from "./storedUnits.ts";

export interface Model {
  readonly network: Network;
  readonly stored: StoredUnits;
  readonly combinations: ReadonlyMap<number, Combination>;
  /** Nodes that are part of a combination and have no value of their own. */
  readonly inside: ReadonlySet<number>;
  /** By node. */
  readonly weights: ReadonlyMap<number, KeptWeights>;
  /** By name of a parameter that is not prunable: one byte a unit, 0 = must be 0. Where all stay it may be absent. */
  readonly stays: ReadonlyMap<string, Fixed<Uint8Array>>;
  /** Nodes without trained parameters before them: the gradient of their value is not needed. */
  readonly untrained: ReadonlySet<number>;
}

export interface ModelOptions {
  /** False: batch normalisation, addition and activations each by themselves. Default true. */
  readonly fused?: boolean | undefined;
  /** True: the units that output 0 are stored too. Default false. */
  readonly storesSilent?: boolean | undefined;
}

/**
 * @param masks absent: everything is kept
 * @throws ArgumentError naming a layer whose operation cannot be computed
 */
export function modelOf(
  network: Network,
  masks: Masks | undefined,
  { fused = true, storesSilent = false }: ModelOptions = {},
): Model {
  requireComputable(network);
  const stored = storedUnits(network, storesSilent ? undefined : masks);
  const { byRoot, inside } = combinations(network, fused);
  const weights = new Map<number, KeptWeights>();
  for (const parameter of network.prunable) {
    const { node } = parameter;
    const source = network.nodes[node]!.inputs[0]!;
    const mask = masks?.of(parameter);
    weights.set(node, new KeptWeights(network, node, mask, stored[node]!, stored[source]!));
  }
  const untrained = new Set<number>();
  for (const [node, { inputs, parameters }] of network.nodes.entries()) {
    const isTrained = parameters.some(({ trained }) => trained);
    if (!isTrained && inputs.every((input) => untrained.has(input))) untrained.add(node);
  }
  return Object.freeze({
    network,
    stored,
    combinations: byRoot,
    inside,
    weights,
    stays: masks === undefined ? new Map() : maskedParameters(masks),
    untrained,
  });
}

function requireComputable({ nodes }: Network): void {
  const opaque = nodes.find(({ op }) => op.kind === "opaque");
  if (opaque === undefined) return;
  const computed = Object.keys(operations).filter((kind) => kind !== "opaque");
  throw new ArgumentError(`layer "${opaque.name}"`, {
    given: `the operation ${operationLabel(opaque.op)}`,
    expected: `one that can be computed: ${computed.sort().join(", ")}`,
    remedy: "Such a network can be pruned, but not trained or run.",
  });
}
