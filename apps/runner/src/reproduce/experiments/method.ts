/**
 * A worked example of the method: 36 weights, 12 to keep, each walk and each step with its probability; and general
 * properties of walks, on networks of that size, for which there are closed forms:
 *   a forward walk is at unit u with probability q(u):  q = 1 / N at inputs, which begin in turn;
 *   q(v) = Σ_u q(u)·|θ_uv| / Σ_v' |θ_uv'|,   and it passes edge (u, v) with probability q(u)·|θ_uv| / Σ_v' |θ_uv'|
 */
import {
  formatPercent,
  initialise,
  log10Of,
  maskFaults,
  type Network,
  prune,
  prunerByName,
  type Weights,
  walkPlan,
  weightFlows,
  widePathKernelTrace,
} from "@phew/core";
import { loadWalkEngine, Random, type WalkOptions } from "@phew/engine";
import { type DrawnWalks, walkAnimation, walkPairPictures } from "@phew/report";
import type { Claim, Evidence, Experiment, Findings, Measurement, Scale } from "../experiment.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import { perceptron } from "../perceptron.ts";
import { meanAndInterval } from "../tables.ts";

const SIZES = [3, 4, 4, 2] as const;
const KEEP_COUNT = 12;
/** 12 of 36 weights, with as many digits as tables store. */
const DENSITY = 0.334;
const UNIT_LETTERS = ["x", "a", "b", "y"];
const SEED = 1;
const METHODS = ["phew", "uniform-walk", "random", "magnitude", "synflow-l2"];
const COUNTS: Readonly<Record<Scale, { seeds: number; walks: number }>> = {
  smoke: { seeds: 20, walks: 20_000 },
  laptop: { seeds: 200, walks: 1_000_000 },
  paper: { seeds: 1000, walks: 4_000_000 },
};
/** A measured frequency differs from the computed one if it is more standard deviations away. */
const FAR = 4.5;
/** Walks between two checks of the signal. */
const TURN = 4096;

interface Edge {
  readonly layer: number;
  readonly from: number;
  readonly to: number;
  readonly weight: number;
}

/** The network of the example; its weights are tenths, so that probabilities can be checked by hand. */
export function exampleNetwork(): { network: Network; weights: Weights; edges: readonly Edge[] } {
  const network = perceptron(SIZES);
  const random = new Random(SEED, 0);
  const tenth = () => ((1 + random.below(9)) * (random.below(2) === 0 ? 1 : -1)) / 10;
  const weights = new Map(
    network.prunable.map(({ name, length }) => [name, Float32Array.from({ length }, tenth)] as const),
  );
  return { network, weights, edges: edgesOf(network, weights) };
}

/** In the order of `network.prunable`. */
function edgesOf(network: Network, weights: Weights): Edge[] {
  return weightFlows(network).flatMap(({ parameter: { name }, inCount }, layer) =>
    Array.from(weights.get(name)!, (weight, k) => ({
      ...{ layer, from: k % inCount, to: Math.floor(k / inCount), weight },
    })),
  );
}

/** Probability of each step, forward and backward, given the unit that it leaves. */
function stepShares(edges: readonly Edge[], direction: "forward" | "backward"): number[] {
  const start = ({ layer, from, to }: Edge) => `${layer} ${direction === "forward" ? from : to}`;
  const sums = new Map<string, number>();
  for (const edge of edges) sums.set(start(edge), (sums.get(start(edge)) ?? 0) + Math.abs(edge.weight));
  return edges.map((edge) => Math.abs(edge.weight) / sums.get(start(edge))!);
}

/** Probability that a walk passes each edge. */
export function passProbabilities(edges: readonly Edge[], direction: "forward" | "backward"): number[] {
  const shares = stepShares(edges, direction);
  const isForward = direction === "forward";
  const layers = SIZES.slice(1).map((_, l) => l);
  let at = new Map<number, number>();
  const starts = isForward ? SIZES[0] : SIZES.at(-1)!;
  for (let unit = 0; unit < starts; unit++) at.set(unit, 1 / starts);
  const passed = edges.map(() => 0);
  for (const layer of isForward ? layers : layers.toReversed()) {
    const next = new Map<number, number>();
    for (const [k, edge] of edges.entries()) {
      if (edge.layer !== layer) continue;
      const [left, reached] = isForward ? [edge.from, edge.to] : [edge.to, edge.from];
      passed[k] = at.get(left)! * shares[k]!;
      next.set(reached, (next.get(reached) ?? 0) + passed[k]!);
    }
    at = next;
  }
  return passed;
}

interface StepsRow {
  readonly key: string;
  readonly walks: number;
  /** For each step in order: the edge, its probability, and the number of kept weights after it. */
  readonly edges: readonly number[];
  readonly probabilities: readonly number[];
  readonly kept: readonly number[];
}

const steps: Measurement<StepsRow> = {
  name: "steps",
  shape: { key: "text", walks: "number", edges: "numbers", probabilities: "numbers", kept: "numbers" },
  keys: ["example"],
  async measure(key) {
    const { network, weights, edges } = exampleNetwork();
    const request = { method: "phew", density: DENSITY, seed: SEED };
    const { walkCount, options } = await prune(network, weights, request);
    const walks: Uint32Array[] = [];
    const walkOptions = prunerByName("phew").walks!({ seed: SEED, options });
    await repeatWalks(network, weights, walkOptions, walkCount!, (walked) => walks.push(walked));
    const kept = new Set<number>();
    const walked = walks.flatMap((own, walk) => {
      const shares = stepShares(edges, walk % 2 === 0 ? "forward" : "backward");
      return [...own].map((edge) => ({ edge, share: shares[edge]!, kept: kept.add(edge).size }));
    });
    return {
      key,
      walks: walkCount!,
      edges: walked.map(({ edge }) => edge),
      probabilities: walked.map(({ share }) => share),
      kept: walked.map((step) => step.kept),
    };
  },
};

interface FrequencyRow {
  readonly key: string;
  readonly walks: number;
  /** For each edge: its probability, and the number of walks through it. */
  readonly probabilities: readonly number[];
  readonly counts: readonly number[];
}

const frequencies = (scale: Scale): Measurement<FrequencyRow> => ({
  name: "frequencies",
  shape: { key: "text", walks: "number", probabilities: "numbers", counts: "numbers" },
  keys: ["forward", "backward"],
  async measure(key, signal) {
    const direction = key as "forward" | "backward";
    const { network, weights, edges } = exampleNetwork();
    const counts = edges.map(() => 0);
    const { walks } = COUNTS[scale];
    const options = { bias: "magnitude", branching: "equal", granularity: "weight" } as const;
    const count = (walked: Uint32Array) => {
      for (const edge of walked) counts[edge]!++;
    };
    await repeatWalks(network, weights, { ...options, direction, seed: SEED }, walks, count, signal);
    return { key, walks, probabilities: passProbabilities(edges, direction), counts };
  },
});

async function repeatWalks(
  network: Network,
  weights: Weights,
  options: WalkOptions,
  walkCount: number,
  onWalk: (edges: Uint32Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  const walker = (await loadWalkEngine()).createWalker(walkPlan(network, weights), options);
  try {
    for (let walk = 0; walk < walkCount; walk++) {
      if (walk % TURN === 0) {
        await new Promise((resolve) => setTimeout(resolve));
        signal?.throwIfAborted();
      }
      onWalk(walker.walkEdges(walk));
    }
  } finally {
    walker.dispose();
  }
}

interface SmallMaskRow {
  readonly key: string;
  readonly method: string;
  readonly density: number;
  readonly seed: number;
  readonly kept: number;
  /** Kept weights on no path from an input to an output. */
  readonly ineffective: number;
  readonly logTrace: number;
}

/** The example, with new weights for each seed, pruned by every method. */
const smallMasks = (scale: Scale): Measurement<SmallMaskRow> => ({
  name: "small-masks",
  shape: {
    ...{ key: "text", method: "text", density: "number", seed: "number", kept: "number" },
    ...{ ineffective: "number", logTrace: "number" },
  } as const,
  keys: METHODS.flatMap((method) =>
    Array.from({ length: COUNTS[scale].seeds }, (_, seed) => `${method} ${seed}`),
  ),
  async measure(key, signal) {
    const [method, seedText] = key.split(" ") as [string, string];
    const seed = Number(seedText);
    const network = perceptron(SIZES);
    const weights = await initialise(network, { seed });
    const density = DENSITY;
    const { masks, keptCount } = await prune(network, weights, { method, density, seed, signal });
    const { ineffectiveCount } = maskFaults(masks);
    const logTrace = log10Of(widePathKernelTrace(network, weights, masks).total);
    return { key, method, density, seed, kept: keptCount, ineffective: ineffectiveCount, logTrace };
  },
});

export const method: Experiment = {
  name: "method",
  question: "what do walks do, step by step, and is it what is said of them?",
  plan: (scale) => ({ own: [steps, frequencies(scale), smallMasks(scale)] }),
  analyse(measured, scale) {
    const example = measured.own(steps).map(drawnSteps);
    const rows = measured.own(smallMasks(scale));
    return {
      claims: [
        frequencyClaim(measured.own(frequencies(scale))),
        {
          claim:
            "Every weight that walks keep is on a path from an input to an output; other methods keep some that are on none.",
          evidence: ["random", "magnitude"].flatMap((other) =>
            compared(rows, "phew", other, (row) => row.ineffective, {
              ...{ name: "kept weights on no path", unit: "weights", supports: "negative" },
            }),
          ),
        },
        {
          claim: "Walks biased by weight give a greater path kernel trace than walks without bias.",
          evidence: compared(rows, "phew", "uniform-walk", (row) => row.logTrace, {
            ...{ name: "log10 of the trace", unit: "powers of ten", supports: "positive" },
          }),
        },
      ],
      tables: [...example.map(stepTable), smallMaskTable(rows)],
      figures: [],
      drawings: example.flatMap(drawings),
      notes: [
        "The network of the example is our own: four layers of 3, 4, 4 and 2 units whose weights are tenths, so that every probability can be checked by hand.",
      ],
    };
  },
};

/** Whether walks pass weights as often as expected from the probabilities. */
function frequencyClaim(rows: readonly FrequencyRow[]): Claim {
  const claim = "A walk leaves a unit by a weight with a probability in proportion to its magnitude.";
  const distances = rows.flatMap(({ walks, probabilities, counts }) =>
    probabilities.map((p, k) => Math.abs(counts[k]! - walks * p) / Math.sqrt(walks * p * (1 - p))),
  );
  if (distances.length === 0) return { claim, evidence: [] };
  const farthest = Math.max(...distances);
  const walks = rows.reduce((sum, row) => sum + row.walks, 0);
  return {
    claim,
    evidence: [],
    given: {
      verdict: farthest < FAR ? "holds" : "does not hold",
      because: `${walks} walks, forward and backward: of ${distances.length} numbers of passes the farthest from the computed one is ${farthest.toFixed(1)} standard deviations away`,
    },
  };
}

function compared(
  rows: readonly SmallMaskRow[],
  a: string,
  b: string,
  value: (row: SmallMaskRow) => number,
  { name, ...reading }: Pick<Evidence, "unit" | "supports"> & { name: string },
): Evidence[] {
  const of = (method: string) => bySeed(rows, method, DENSITY, value);
  return evidenceOf(`${SIZES.join("-")}, ${KEEP_COUNT} weights: ${a} − ${b}, ${name}`, of(a), of(b), reading);
}

interface DrawnStep {
  readonly walk: number;
  readonly direction: "forward" | "backward";
  readonly edge: number;
  /** Names of its units in the direction of the walk. */
  readonly from: string;
  readonly to: string;
  readonly weight: number;
  readonly probability: number;
  readonly kept: number;
}

const nameOf = (layer: number, unit: number) => `${UNIT_LETTERS[layer]}${unit + 1}`;

/** The steps of all walks, each walk as long as the network is deep. */
function drawnSteps({ edges, probabilities, kept }: StepsRow): DrawnStep[] {
  const all = exampleNetwork().edges;
  return edges.map((edge, k) => {
    const { layer, from, to, weight } = all[edge]!;
    const walk = Math.floor(k / (SIZES.length - 1));
    const isForward = walk % 2 === 0;
    const ends = [nameOf(layer, from), nameOf(layer + 1, to)];
    const [first, last] = isForward ? ends : ends.toReversed();
    return {
      ...{ walk, edge, weight, direction: isForward ? "forward" : "backward" },
      ...{ from: first!, to: last!, probability: probabilities[k]!, kept: kept[k]! },
    };
  });
}

function stepTable(steps: readonly DrawnStep[]): Findings["tables"][number] {
  return {
    name: "steps",
    title: `The walks of the example, ${KEEP_COUNT} of 36 weights to keep`,
    report: {
      columns: [
        { key: "walk", title: "walk" },
        { key: "direction", title: "direction" },
        { key: "from", title: "from" },
        { key: "to", title: "to" },
        { key: "weight", title: "weight", format: (value) => value.toFixed(1) },
        { key: "probability", title: "probability", format: formatPercent },
        { key: "kept", title: "weights kept" },
      ],
      rows: steps.map(({ edge: _, walk, ...step }) => ({ ...step, walk: walk + 1 })),
    },
  };
}

function smallMaskTable(rows: readonly SmallMaskRow[]): Findings["tables"][number] {
  return {
    name: "small-masks",
    title: `Masks of ${SIZES.join("-")} networks with weights drawn anew`,
    report: {
      columns: [
        { key: "method", title: "method" },
        { key: "seeds", title: "seeds" },
        { key: "kept", title: "weights kept" },
        { key: "ineffective", title: "of them on no path" },
        { key: "trace", title: "log10 trace" },
      ],
      rows: METHODS.map((method) => {
        const own = rows.filter((row) => row.method === method);
        const of = (value: (row: SmallMaskRow) => number) =>
          meanAndInterval(own.map(value).filter(Number.isFinite), 2);
        return {
          ...{ method, seeds: own.length, kept: of((row) => row.kept) },
          ...{ ineffective: of((row) => row.ineffective), trace: of((row) => row.logTrace) },
        };
      }),
    },
  };
}

/** A picture for each pair of walks, and an animation of all steps. */
function drawings(steps: readonly DrawnStep[]): NonNullable<Findings["drawings"]> {
  const walkCount = steps.at(-1)!.walk + 1;
  const drawn: DrawnWalks = {
    units: SIZES.map((count, layer) => Array.from({ length: count }, (_, unit) => nameOf(layer, unit))),
    edges: exampleNetwork().edges,
    keepCount: KEEP_COUNT,
    walks: Array.from({ length: walkCount }, (_, walk) => {
      const own = steps.filter((step) => step.walk === walk);
      return {
        direction: own[0]!.direction,
        edges: own.map(({ edge }) => edge),
        captions: own.map(captionOf),
      };
    }),
  };
  const pairs = walkPairPictures(drawn);
  return [
    { name: "steps", title: "All steps, one after the other", svg: walkAnimation(drawn) },
    ...pairs.map((svg, k) => ({ name: `walks-${k + 1}`, title: `Pair of walks ${k + 1}`, svg })),
  ];
}

function captionOf({ from, to, weight, probability }: DrawnStep): string {
  const size = Math.abs(weight).toFixed(1);
  const all = (Math.abs(weight) / probability).toFixed(1);
  return `${from} → ${to}: ${size} of ${all}, a probability of ${formatPercent(probability)}`;
}
