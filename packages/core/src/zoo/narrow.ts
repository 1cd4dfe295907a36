/**
 * A dense network of as many weights as a sparse one. All layers with the same number of units n have the same number
 * afterwards: ⌊f·n + 1/2⌋, at least one, with one factor f for all layers, for which the number of prunable weights is nearest
 * to the density's share of the whole network's; then, as long as that comes nearer, one unit more or less for one n at a time,
 * each at most one from ⌊f·n + 1/2⌋ where that is at least four. Inputs and classes stay, and depthwise convolutions stay depthwise.
 */
import { ArgumentError } from "../errors.ts";
import { buildNetwork, type Network, type NodeSpec } from "../network/network.ts";
import type { Operation } from "../operations/registry.ts";
import { counted, formatPercent } from "../quantity.ts";

/** Halvings of the factor: it is then exact to less than a unit of any layer. */
const HALVINGS = 40;
/** Whole units must come this near to the number of weights that is asked for, as a fraction of it. */
const MOST_OFF = 0.25;

/** Fewer units are left as they are: one of them is too much of a layer. */
const LEAST_ADJUSTED = 4;

/** Numbers of units, and what they become. */
type Widths = ReadonlyMap<number, number>;

/**
 * @param density fraction of the prunable weights, 0 < density ≤ 1; of two numbers as near, the smaller is taken
 * @throws ArgumentError for another density, or where whole units come not within a quarter of it
 */
export function narrowTo(network: Network, density: number): Network {
  if (!(density > 0 && density <= 1)) {
    throw new ArgumentError("density to narrow to", { given: `${density}`, expected: "above 0, at most 1" });
  }
  if (density === 1) return network;
  const target = density * network.prunableCount;
  const nearest = withWidths(network, adjusted(network, scaledTo(network, target), target));
  const { prunableCount } = nearest;
  if (Math.abs(prunableCount - target) <= MOST_OFF * target) return nearest;
  throw new ArgumentError("density to narrow to", {
    given: `${formatPercent(density, 4)} of the ${counted(network.prunableCount, "weight")} of ${network.name}`,
    expected: `a number of weights that whole units come near: ${counted(prunableCount, "weight")} are the nearest`,
    remedy: `Ask for ${(prunableCount / network.prunableCount).toPrecision(3)}, which is that.`,
  });
}

/** By one factor for all. */
function scaledTo(network: Network, target: number): Widths {
  const counts = unitCounts(network);
  const widths = (factor: number) =>
    new Map(counts.map((count) => [count, Math.max(1, Math.floor(factor * count + 0.5))]));
  let [low, high] = [0, 1];
  for (let k = 0; k < HALVINGS; k++) {
    const middle = (low + high) / 2;
    if (withWidths(network, widths(middle)).prunableCount < target) low = middle;
    else high = middle;
  }
  return distance(network, widths(low), target) <= distance(network, widths(high), target)
    ? widths(low)
    : widths(high);
}

/** One number of units at a time by one, whichever comes nearest. */
function adjusted(network: Network, scaled: Widths, target: number): Widths {
  let best = { widths: scaled, off: distance(network, scaled, target) };
  for (;;) {
    const { widths, off } = best;
    for (const [count, width] of widths) {
      if (scaled.get(count)! < LEAST_ADJUSTED) continue;
      for (const other of [width - 1, width + 1]) {
        if (other > count || Math.abs(other - scaled.get(count)!) > 1) continue;
        const tried = new Map(widths).set(count, other);
        const own = distance(network, tried, target);
        if (own < best.off) best = { widths: tried, off: own };
      }
    }
    if (best.off === off) return widths;
  }
}

const distance = (network: Network, widths: Widths, target: number) =>
  Math.abs(withWidths(network, widths).prunableCount - target);

/** The numbers of units that hidden layers have, each once. */
function unitCounts({ nodes, output }: Network): number[] {
  const counts = nodes.flatMap(({ op }, index) => {
    if (index === output) return [];
    return op.kind === "dense" ? [op.outFeatures] : op.kind === "conv2d" ? [op.outChannels] : [];
  });
  return [...new Set(counts)];
}

function withWidths(network: Network, widths: Widths): Network {
  const specs = network.nodes.map(({ name, op, inputs }, index): NodeSpec => {
    const own = index === network.output ? op : narrowed(op, widths);
    return { name, op: own, inputs: inputs.map((input) => network.nodes[input]!.name) };
  });
  return buildNetwork(network.name, specs, network.nodes[network.output]!.name);
}

function narrowed(op: Operation, widths: Widths): Operation {
  if (op.kind === "dense") return { ...op, outFeatures: widths.get(op.outFeatures)! };
  if (op.kind !== "conv2d") return op;
  // a group for each channel in the zoo, or one for all
  const groups = op.groups === 1 ? 1 : widths.get(op.groups)!;
  return { ...op, outChannels: widths.get(op.outChannels)!, groups };
}
