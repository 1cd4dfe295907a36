/** Properties of every mask from walks, on random networks. */
import { edgesOnPaths, Ways } from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";
import { phew, phewNested } from "../src/pruners/phew.ts";
import type { PruneRequest } from "../src/pruners/pruner.ts";
import { uniformWalk } from "../src/pruners/uniformWalk.ts";
import { longestWalk, walkPlan } from "../src/walks/plan.ts";
import type { Weights } from "../src/weights/weights.ts";
import { oracleNetwork } from "./oracleNetwork.ts";
import { randomNetworks, randomWeights } from "./randomNetwork.ts";
import { frequenciesOf, globalTest } from "./statistics.ts";

const variants = fc.record({
  bias: fc.constantFrom("magnitude", "square", "uniform", "inverse"),
  branching: fc.constantFrom("equal", "weight"),
  granularity: fc.constantFrom("weight", "kernel"),
  direction: fc.constantFrom("alternate", "forward", "backward"),
});
const cases = fc.record({
  of: randomNetworks,
  options: variants,
  density: fc.double({ min: 0.02, max: 0.6, noNaN: true }),
  seed: fc.nat(2 ** 40),
});

function requestOf({ of, options, density, seed }: typeof cases extends fc.Arbitrary<infer T> ? T : never) {
  const keepCount = Math.max(1, Math.floor(density * of.network.prunableCount));
  return { ...of, keepCount, seed, options } satisfies PruneRequest;
}

/** Every kept weight lies on a path of kept weights that a walk can take. */
function expectWholePaths({ network, bytes }: Masks): void {
  const kept = new Map(
    network.prunable.map(({ name, start, length }) => [name, bytes.subarray(start, start + length)]),
  );
  const onPaths = edgesOnPaths(new Ways(oracleNetwork(network)), kept);
  for (const { name } of network.prunable)
    expect(onPaths.get(name), name).toEqual(Uint8Array.from(kept.get(name)!));
}

describe("masks of walks on random networks", () => {
  it("hold keepCount weights and less than one path more, each on a path from input to output", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const request = requestOf(given);
        const { masks, walkCount, stepCount } = await phew.prune(request);
        const longest = longestWalk(
          walkPlan(request.network, request.weights),
          request.options.granularity as "weight" | "kernel",
        );
        expect(masks.keptCount).toBeGreaterThanOrEqual(request.keepCount);
        expect(masks.keptCount).toBeLessThan(request.keepCount + longest);
        expect(walkCount).toBeGreaterThan(0);
        expect(stepCount).toBeGreaterThanOrEqual(walkCount!);
        expectWholePathsOrKernels(masks, request);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it("are the same for the same seed, and grow from one another with the same seed", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const request = requestOf(given);
        const { masks } = await phew.prune(request);
        expect((await phew.prune(request)).masks.bytes).toEqual(masks.bytes);
        const fewer = Math.max(1, request.keepCount >> 1);
        const { masks: half } = await phew.prune({ ...request, keepCount: fewer });
        expect(half.bytes.every((kept, k) => kept <= masks.bytes[k]!)).toBe(true);
        const grown = await phew.prune({ ...request, from: half });
        expect(grown.masks.bytes).toEqual(masks.bytes);
        const nested: Masks[] = [];
        for await (const { masks } of phewNested(request, [fewer, request.keepCount])) nested.push(masks);
        expect(nested.map(({ bytes }) => bytes)).toEqual([half.bytes, masks.bytes]);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it("of uniform walks do not depend on the weights", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(), async (given, other) => {
        const { options, ...request } = requestOf(given);
        const { bias: _, ...rest } = options;
        const { masks } = await uniformWalk.prune({ ...request, options: rest });
        const weights = randomWeights(request.network, other);
        const again = await uniformWalk.prune({ ...request, weights, options: rest });
        expect(again.masks.bytes).toEqual(masks.bytes);
        expect((await phew.prune({ ...request, options: { ...rest, bias: "uniform" } })).masks.bytes).toEqual(
          masks.bytes,
        );
      }),
      { numRuns: 40, seed: 4 },
    );
  });
});

/** With whole kernels, a path may take any weight of a kernel: each kernel is all kept or all removed. */
function expectWholePathsOrKernels(masks: Masks, { weights, options }: PruneRequest): void {
  expectWholePaths(masks);
  if (options.granularity === "weight") return;
  const plan = walkPlan(masks.network, weights);
  for (const { firstEdge, kernelSize, weight } of plan.layers) {
    for (let first = firstEdge; first < firstEdge + weight.length; first += kernelSize)
      expect(new Set(masks.bytes.subarray(first, first + kernelSize)).size).toBe(1);
  }
}

describe("renumbering hidden units", () => {
  const network = (() => {
    const b = new NetworkBuilder("mlp", [6]);
    return b.build(b.dense("b", b.relu(b.dense("a", b.input, 8, { bias: false })), 4, { bias: false }));
  })();
  // unit u of the hidden layer becomes unit order[u]
  const order = [5, 2, 7, 0, 1, 6, 3, 4];
  const moved = (k: number) => (k < 48 ? order[Math.floor(k / 6)]! * 6 + (k % 6) : moveColumn(k - 48) + 48);
  const moveColumn = (k: number) => Math.floor(k / 8) * 8 + order[k % 8]!;

  it("renumbers the mask's distribution and changes nothing else (false alarms: 1e-5)", async () => {
    const weights = randomWeights(network, 9);
    const flat = [...weights.get("a.weight")!, ...weights.get("b.weight")!];
    const flatMoved = new Float32Array(80);
    flat.forEach((w, k) => {
      flatMoved[moved(k)] = w;
    });
    const renumbered: Weights = new Map([
      ["a.weight", flatMoved.slice(0, 48)],
      ["b.weight", flatMoved.slice(48)],
    ]);
    const options = { bias: "magnitude", branching: "equal", granularity: "weight", direction: "alternate" };
    const [before, after]: [Uint8Array[], Uint8Array[]] = [[], []];
    for (let seed = 0; seed < 600; seed++) {
      const request = { network, keepCount: 24, options };
      before.push((await phew.prune({ ...request, weights, seed })).masks.bytes);
      const { masks } = await phew.prune({ ...request, weights: renumbered, seed: seed + 5000 });
      after.push(Uint8Array.from({ length: 80 }, (_, k) => masks.bytes[moved(k)]!));
    }
    const { statistic, threshold } = globalTest(frequenciesOf(before), frequenciesOf(after), before, 1e-5);
    expect(statistic).toBeLessThan(threshold);
  });
});
