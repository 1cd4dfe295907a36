/**
 * Adjacent batch normalisation, addition and clamping activations are one step:
 *   z = clamp(Σ_k (a_k·x_k + b_k)),   clamp(v) = min(max(v, α·v), cap)
 * where a_k and b_k come from batch normalisation, or are 1 and 0.
 */
import type { Network, Operation } from "@phew/core";

export interface Term {
  /** Its input node. */
  readonly source: number;
  /** Node of the batch normalisation that x_k passes. */
  readonly norm?: number;
}

export interface Clamp {
  readonly alpha: number;
  readonly cap: number;
}

export interface Combination {
  /** Node with this value. */
  readonly root: number;
  readonly terms: readonly Term[];
  readonly clamp: Clamp;
}

export const IDENTITY: Clamp = { alpha: 1, cap: Number.POSITIVE_INFINITY };

export const isIdentity = ({ alpha, cap }: Clamp): boolean => alpha === 1 && cap === Number.POSITIVE_INFINITY;

/** An activation as a clamp; undefined if it is none. */
function clampOf(op: Operation): Clamp | undefined {
  if (op.kind !== "activation") return undefined;
  switch (op.name) {
    case "relu":
      return { alpha: 0, cap: Number.POSITIVE_INFINITY };
    case "relu6":
      return { alpha: 0, cap: 6 };
    case "leakyRelu": {
      const alpha = op.alpha ?? 0.01;
      // with a slope above 1 or below 0, max(v, α·v) is wrong, and the result's sign does not determine the
      // derivative
      return alpha >= 0 && alpha <= 1 ? { alpha, cap: Number.POSITIVE_INFINITY } : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * @param fused false: each separately, so that every node has a value
 * @returns the combination of each root node, and the nodes inside one, which have no value of their own
 */
export function combinations(
  network: Network,
  fused = true,
): {
  readonly byRoot: ReadonlyMap<number, Combination>;
  readonly inside: ReadonlySet<number>;
} {
  const byRoot = new Map<number, Combination>();
  const inside = new Set<number>();
  const { nodes, output } = network;
  const readOnce = (node: number): boolean => {
    const { consumers } = nodes[node]!;
    return (
      node !== output &&
      consumers.length === 1 &&
      nodes[consumers[0]!]!.inputs.filter((input) => input === node).length === 1
    );
  };
  const enter = (node: number): boolean => {
    if (!fused || !readOnce(node)) return false;
    inside.add(node);
    return true;
  };
  for (let root = nodes.length - 1; root > 0; root--) {
    if (inside.has(root)) continue;
    const clamp = clampOf(nodes[root]!.op);
    let top = root;
    if (clamp !== undefined) {
      const [input] = nodes[root]!.inputs as [number];
      const { kind } = nodes[input]!.op;
      if ((kind !== "add" && kind !== "batchNorm") || !enter(input)) {
        byRoot.set(root, { root, terms: [{ source: input }], clamp });
        continue;
      }
      top = input;
    }
    const { op, inputs } = nodes[top]!;
    const termOf = (node: number): Term =>
      nodes[node]!.op.kind === "batchNorm" && enter(node)
        ? { source: nodes[node]!.inputs[0]!, norm: node }
        : { source: node };
    if (op.kind === "batchNorm")
      byRoot.set(root, { root, terms: [{ source: inputs[0]!, norm: top }], clamp: clamp ?? IDENTITY });
    else if (op.kind === "add")
      byRoot.set(root, { root, terms: inputs.map(termOf), clamp: clamp ?? IDENTITY });
  }
  return { byRoot, inside };
}
