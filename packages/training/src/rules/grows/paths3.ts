/**
 * Absent weights by the paths of length 3 that they would close, from the graph alone (Cannistraci–Hebb, node form CH3-L3n).
 * With D the bipartite graph of a layer (bipartite.ts), deg its degrees, A = D Dᵀ (shared inputs of two outputs), B = Dᵀ D:
 *   ext_ua = max(deg_a − A_ua, 1) − 1;   S_ua = 1 / (1 + ext_ua) where A_ua ≠ 0, else 0;   the same for inputs from B;
 *   score(u, v) = Σ_a S_ua D_av + Σ_b S_vb D_ub.
 * The highest scores grow, or with `soft` weights are drawn one by one in proportion to their scores. Weights without a path
 * of length 3 follow in random order. All absent taps of a kernel have its score; among equal scores the order is random.
 * @see Zhang et al. 2024 (CHT), 2025, arXiv:2501.19107 (CHTs)
 */
import { type Bipartite, bipartite } from "../bipartite.ts";
import { groupsOf, indicesOf } from "../groups.ts";
import type { Group, Grow } from "../rule.ts";

export const paths3: Grow = {
  name: "paths3",
  summary: "absent weights that close many paths of length 3",
  options: {
    softGrowth: {
      kind: "flag",
      initial: false,
      help: "draw new weights in proportion to their scores",
    },
  },
  byGradient: () => false,
  begin: ({ network }, after, options) => ({
    candidates(group, count, numbers) {
      const layers = group.layer === undefined ? groupsOf(network, "layer") : [group];
      const isSoft = options.softGrowth === true;
      const ranked = layers.flatMap((layer) => {
        const graph = bipartite(network, after, layer.layer!);
        return keyed(indicesOf(after, within(layer, group), 0), graph, isSoft, () => numbers.nextFloat());
      });
      ranked.sort((a, b) => b.key - a.key || b.chance - a.chance || a.index - b.index);
      return Uint32Array.from(ranked.slice(0, count), ({ index }) => index);
    },
  }),
};

/** The part of a layer that is in the group. */
function within(layer: Group, group: Group): Group {
  const start = Math.max(layer.start, group.start);
  return { start, length: Math.min(layer.start + layer.length, group.start + group.length) - start };
}

interface Keyed {
  readonly index: number;
  readonly key: number;
  /** Decides among equal keys. */
  readonly chance: number;
}

/** @param random one number for each weight, ascending */
function keyed(absent: Uint32Array, graph: Bipartite, isSoft: boolean, random: () => number): Keyed[] {
  const scores = pathScores(graph);
  return Array.from(absent, (index) => {
    // as float32: the same fractions added in another order must be equal
    const score = Math.fround(scores[Math.floor((index - graph.start) / graph.kernelSize)]!);
    const chance = random();
    // the greatest of ln(u)/s are a draw without replacement in proportion to s
    if (!isSoft) return { index, key: score, chance };
    return { index, key: score > 0 ? Math.log(1 - chance) / score : Number.NEGATIVE_INFINITY, chance };
  });
}

/** @returns one score for each kernel, `[outCount, inCount]` */
function pathScores(graph: Bipartite): Float64Array {
  const { outCount, inCount, inputsOf, outputsOf } = graph;
  const scores = new Float64Array(outCount * inCount);
  const groupCount = outputsOf.length / inCount;
  const firstOf = (o: number) => Math.floor((o * groupCount) / outCount) * inCount;
  for (let u = 0; u < outCount; u++)
    for (const [a, closeness] of closenessOf(u, inputsOf, outputsOf))
      for (const v of inputsOf[a]!) scores[u * inCount + v - firstOf(u)]! += closeness;
  for (let v = 0; v < outputsOf.length; v++)
    for (const [b, closeness] of closenessOf(v, outputsOf, inputsOf))
      for (const u of outputsOf[b]!) scores[u * inCount + v - firstOf(u)]! += closeness;
  return scores;
}

/** S of a node with each node of its side that it shares a neighbour with. */
function closenessOf(
  node: number,
  neighboursOf: readonly (readonly number[])[],
  backOf: readonly (readonly number[])[],
): Map<number, number> {
  const shared = new Map<number, number>();
  for (const n of neighboursOf[node]!)
    for (const other of backOf[n]!) shared.set(other, (shared.get(other) ?? 0) + 1);
  for (const [other, count] of shared) {
    const external = Math.max(neighboursOf[other]!.length - count, 1) - 1;
    shared.set(other, 1 / (1 + external));
  }
  return shared;
}
