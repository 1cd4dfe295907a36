/** Which kept weights lie on a path of kept weights from the network's input to its output. */
import { groupsOf, isWeightedOp, tapCount } from "./graph.ts";
import type { Parameters } from "./numbers.ts";
import { isWeighted, OUTPUT, type Ways } from "./ways.ts";

/**
 * @param kept parameter name → 1 where a weight is kept
 * @returns parameter name → 1 where a kept weight lies on a path that a walk could take through kept weights only
 */
export function edgesOnPaths(ways: Ways, kept: Parameters): Map<string, Uint8Array> {
  const onPath = new Map([...kept].map(([name, mask]) => [name, new Uint8Array(mask.length)]));
  const edges = keptEdges(ways, kept);
  const [arriving, leaving]: [Memory, Memory] = [new Map(), new Map()];
  for (const edge of edges) {
    const arrives = reachesInput(ways, edges, edge.node, edge.i, arriving);
    const leaves = reachesOutput(ways, edges, edge.node, edge.o, leaving);
    if (arrives && leaves) onPath.get(edge.parameter)![edge.index] = 1;
  }
  return onPath;
}

interface KeptEdge {
  readonly parameter: string;
  readonly index: number;
  readonly node: number;
  readonly o: number;
  readonly i: number;
}

function keptEdges(ways: Ways, kept: Parameters): KeptEdge[] {
  const edges: KeptEdge[] = [];
  for (const [node, { op, inputs }] of ways.graph.nodes.entries()) {
    if (!isWeightedOp(op)) continue;
    const mask = kept.get(op.weight)!;
    const groups = groupsOf(op);
    const inPerGroup = ways.shapes[inputs[0]!]![0]! / groups;
    const outPerGroup = ways.shapes[node]![0]! / groups;
    const size = tapCount(op);
    for (let index = 0; index < mask.length; index++) {
      if (mask[index] === 0) continue;
      const o = Math.floor(index / (inPerGroup * size));
      const i = (Math.floor(index / size) % inPerGroup) + Math.floor(o / outPerGroup) * inPerGroup;
      edges.push({ parameter: op.weight, index, node, o, i });
    }
  }
  return edges;
}

type Memory = Map<string, boolean>;

/** Whether a path of kept weights leads from output unit `o` of `node` to the network's output. */
function reachesOutput(
  ways: Ways,
  edges: readonly KeptEdge[],
  node: number,
  o: number,
  known: Memory,
): boolean {
  return remembered(known, `${node}:${o}`, () =>
    ways.on(node, o).some((way) => {
      if (way.to === OUTPUT) return true;
      return edges.some(
        (edge) =>
          edge.node === way.to &&
          way.features.flat().includes(edge.i) &&
          reachesOutput(ways, edges, way.to, edge.o, known),
      );
    }),
  );
}

/** Whether a path of kept weights leads from the network's input to input unit `i` of `node`. */
function reachesInput(
  ways: Ways,
  edges: readonly KeptEdge[],
  node: number,
  i: number,
  known: Memory,
): boolean {
  return remembered(known, `${node}:${i}`, () =>
    ways.back(node, i).some((way) => {
      if (!isWeighted(ways.graph.nodes[way.from]!)) return true;
      return edges.some(
        (edge) =>
          edge.node === way.from && edge.o === way.unit && reachesInput(ways, edges, way.from, edge.i, known),
      );
    }),
  );
}

function remembered(known: Memory, key: string, find: () => boolean): boolean {
  const before = known.get(key);
  if (before !== undefined) return before;
  const answer = find();
  known.set(key, answer);
  return answer;
}
