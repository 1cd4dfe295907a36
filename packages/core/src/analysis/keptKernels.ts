/** Number of kept weights in each kernel. Widths, reach and path counts are computed from it. */
import type { Masks } from "../masks/masks.ts";
import { type UnitFlow, unitFlows, type WeightFlow } from "../network/unitFlow.ts";

/** The kept weights of one layer, kernel by kernel. */
export interface KeptKernels {
  readonly flow: WeightFlow;
  /** Length outCount · inCount / groups, row-major `[outCount, inCount / groups]`: kept weights of each kernel. */
  readonly counts: Uint8Array | Uint16Array | Uint32Array;
}

/** One layer's kept kernels. If a kernel is one weight, the counts are the mask itself. */
function keptKernels(masks: Masks, flow: WeightFlow): KeptKernels {
  const { outCount, inCount, groups, kernelSize } = flow;
  const mask = masks.of(flow.parameter);
  if (kernelSize === 1) return { flow, counts: mask };
  const length = (outCount * inCount) / groups;
  const Counts = kernelSize < 256 ? Uint8Array : kernelSize < 65536 ? Uint16Array : Uint32Array;
  const counts = new Counts(length);
  for (let kernel = 0, k = 0; kernel < length; kernel++) {
    let count = 0;
    for (const end = k + kernelSize; k < end; k++) count += mask[k]!;
    counts[kernel] = count;
  }
  return { flow, counts };
}

/** What all measures of a mask need, computed once. */
export interface KeptGraph {
  readonly masks: Masks;
  /** One per node, in the order of `network.nodes`. */
  readonly flows: readonly UnitFlow[];
  /** One per node with weights, by the node's index. */
  readonly kernelsOf: ReadonlyMap<number, KeptKernels>;
  /** The same in the order of `network.prunable`: of a shared weight in its first layer. */
  readonly layers: readonly KeptKernels[];
}

/** Reads a mask once; O(weights), one byte of memory per kernel. */
export function keptGraph(masks: Masks): KeptGraph {
  const flows = unitFlows(masks.network);
  const kernelsOf = new Map<number, KeptKernels>();
  const counted = new Map<string, KeptKernels>();
  for (const [node, flow] of flows.entries()) {
    if (flow.kind !== "weights") continue;
    const known = counted.get(flow.parameter.name);
    const kernels = known === undefined ? keptKernels(masks, flow) : { ...known, flow };
    counted.set(flow.parameter.name, kernels);
    kernelsOf.set(node, kernels);
  }
  const layers = masks.network.prunable.map(({ node }) => kernelsOf.get(node)!);
  return { masks, flows, kernelsOf, layers };
}
