/**
 * Frequencies of steps and of whole walks against their enumerated probabilities. Each test raises a false alarm once in 10^6
 * generators; seeds are fixed, so a run that has passed passes again.
 */
import { describe, expect, it } from "vitest";
import type { WalkOptions, WalkPlan, WalkTuning } from "../src/index.ts";
import { builtEngine } from "./builtEngine.ts";
import { type Cell, chiSquareProbability } from "./chiSquare.ts";
import { add, chain, concat, everyKind, flatten, PHEW, PlanWriter, variedWeight } from "./plans.ts";
import { everyWalk, type Place, placeAfter, startOf, stepsFrom } from "./walkLaw.ts";

const FALSE_ALARM = 1e-6;
const engine = builtEngine();

interface Law {
  readonly plan: WalkPlan;
  readonly options: WalkOptions;
}

/** How probable the steps of walks 0 … walkCount − 1 are under a law: at every place, which step came next. */
function agreement(
  { plan, options }: Law,
  walkCount: number,
  tuning: WalkTuning = {},
  law = options,
): number {
  const walker = engine.createWalker(plan, options, tuning);
  const visits = new Map<string, Map<number | undefined, number>>();
  const count = (place: Place, forward: boolean, edge: number | undefined): void => {
    const key = JSON.stringify([forward, place.layer, place.unit]);
    if (!visits.has(key)) visits.set(key, new Map());
    const counts = visits.get(key)!;
    counts.set(edge, (counts.get(edge) ?? 0) + 1);
  };
  for (let walk = 0; walk < walkCount; walk++) {
    const { forward, ...start } = startOf(plan, options, walk);
    let place: Place = start;
    for (const edge of walker.walkEdges(walk)) {
      count(place, forward, edge);
      place = placeAfter(plan, edge, forward);
    }
    count(place, forward, undefined);
  }
  const tables: Cell[][] = [];
  for (const [key, counts] of visits) {
    const cells: Cell[] = [];
    const [forward, layer, unit] = JSON.parse(key);
    const steps = new Map<number | undefined, number>();
    for (const { edge, probability } of stepsFrom(plan, law, { layer, unit }, forward)) {
      steps.set(edge, (steps.get(edge) ?? 0) + probability);
    }
    const visitCount = [...counts.values()].reduce((a, b) => a + b, 0);
    for (const [edge, probability] of steps) {
      cells.push({ observed: counts.get(edge) ?? 0, expected: visitCount * probability });
    }
    for (const [edge, observed] of counts) if (!steps.has(edge)) cells.push({ observed, expected: 0 });
    tables.push(cells);
  }
  return chiSquareProbability(...tables);
}

describe.each(["alias", "reject"] as const)("walks drawn with sampler %s", (sampler) => {
  describe.each(["magnitude", "square", "inverse"] as const)("bias %s", (bias) => {
    it.each([
      { direction: "forward", granularity: "weight", branching: "equal" },
      { direction: "backward", granularity: "weight", branching: "weight" },
      { direction: "alternate", granularity: "kernel", branching: "weight" },
      { direction: "alternate", granularity: "weight", branching: "equal" },
    ] as const)("follow their law through forks, groups, concat and flatten: %o", (variant) => {
      const options = { ...PHEW, bias, ...variant, seed: 11 };
      expect(agreement({ plan: everyKind(variedWeight()), options }, 15_000, { sampler })).toBeGreaterThan(
        FALSE_ALARM,
      );
    });
  });

  it("draw uniformly over a row of zeros, and uniformly inside a kernel of zeros", () => {
    const writer = new PlanWriter(2, (index) => (index < 36 ? 0 : variedWeight(3)(index)));
    const zeros = writer.layer(writer.input, { outCount: 2, kernelSize: 9 });
    const plan = writer.end(writer.layer(zeros, { outCount: 3, kernelSize: 4 }));
    expect(agreement({ plan, options: { ...PHEW, seed: 3 } }, 20_000, { sampler })).toBeGreaterThan(
      FALSE_ALARM,
    );
  });

  it("take no link to weights of sum 0 where branching by weight, and any where all sums are 0", () => {
    for (const zeroUntil of [6, 100]) {
      const writer = new PlanWriter(2, (index) => (index < zeroUntil ? 0 : variedWeight()(index)));
      const a = writer.layer(writer.input, { outCount: 3 });
      const b = writer.layer(writer.input, { outCount: 3, kernelSize: 4 });
      const plan = writer.end(writer.layer(add(a, b), { outCount: 2 }));
      const options = { ...PHEW, branching: "weight", seed: 5 } as const;
      expect(agreement({ plan, options }, 10_000, { sampler })).toBeGreaterThan(FALSE_ALARM);
    }
  });

  it("are right on rows of very unequal weights, at both ends of the float32 range", () => {
    for (const scale of [1, 1e-41, 3e37]) {
      const unequal = (index: number): number => scale * (index % 13 === 0 ? 4 : 0.02);
      const writer = new PlanWriter(3, unequal);
      const kernels = writer.end(writer.layer(writer.input, { outCount: 20, kernelSize: 9 }));
      for (const plan of [chain([3, 40, 3], unequal), kernels]) {
        for (const bias of ["magnitude", "square", "inverse"] as const) {
          const options = { ...PHEW, bias, seed: 7 };
          expect(agreement({ plan, options }, 15_000, { sampler })).toBeGreaterThan(FALSE_ALARM);
        }
      }
    }
  });

  it("use all bits: single steps out of rows of hundreds of kernels of nine", () => {
    const writer = new PlanWriter(1, variedWeight());
    const plan = writer.end(writer.layer(writer.input, { outCount: 300, kernelSize: 9 }));
    const options = { ...PHEW, direction: "forward", seed: 13 } as const;
    expect(agreement({ plan, options }, 50_000, { sampler })).toBeGreaterThan(FALSE_ALARM);
  });
});

it("follow their law with bias uniform, where no sampler is needed", () => {
  for (const granularity of ["weight", "kernel"] as const) {
    const options = { ...PHEW, bias: "uniform", granularity, seed: 19 } as const;
    expect(agreement({ plan: everyKind(variedWeight()), options }, 15_000)).toBeGreaterThan(FALSE_ALARM);
  }
});

it("reach a weight whose share of its row is 2^-20, about as often as that", () => {
  for (const sampler of ["alias", "reject"] as const) {
    const plan = chain([1, 8], (index) => (index === 5 ? 7 * 2 ** -20 : 1));
    const options = { ...PHEW, direction: "forward", seed: 2 } as const;
    const walker = engine.createWalker(plan, options, { sampler });
    // mean number of walks until all eight are conserved: 2^20, exponential; outside this once in 3·10^4
    const { walkCount } = walker.advance(8);
    expect(walkCount).toBeGreaterThan(2 ** 20 * 2e-5);
    expect(walkCount).toBeLessThan(2 ** 20 * 11);
  }
});

it("are independent from step to step: whole walks have the product of their steps' probabilities", () => {
  const plan = chain([2, 3, 3, 2], variedWeight());
  const walker = engine.createWalker(plan, PHEW);
  const tables: Cell[][] = [];
  const walkCount = 30_000;
  const observed = new Map<string, number>();
  for (let walk = 0; walk < walkCount; walk++) {
    const name = `${walk % 4}: ${walker.walkEdges(walk).join()}`;
    observed.set(name, (observed.get(name) ?? 0) + 1);
  }
  // two input and two output units in turn: walk w starts as walk w + 4 does
  for (let first = 0; first < 4; first++) {
    const { forward, ...start } = startOf(plan, PHEW, first);
    const cells: Cell[] = [];
    for (const [edges, probability] of everyWalk(plan, PHEW, start, forward)) {
      const name = `${first}: ${edges}`;
      cells.push({ observed: observed.get(name) ?? 0, expected: (walkCount / 4) * probability });
      observed.delete(name);
    }
    tables.push(cells);
  }
  expect([...observed.keys()]).toEqual([]);
  expect(chiSquareProbability(...tables)).toBeGreaterThan(FALSE_ALARM);
});

it("would be found out if they followed another law", () => {
  const plan = everyKind(variedWeight());
  const against = (other: Partial<WalkOptions>): number =>
    agreement({ plan, options: PHEW }, 15_000, {}, { ...PHEW, ...other });
  expect(against({})).toBeGreaterThan(FALSE_ALARM);
  expect(against({ bias: "square" })).toBeLessThan(1e-12);
  expect(against({ bias: "uniform" })).toBeLessThan(1e-12);
  expect(against({ branching: "weight" })).toBeLessThan(1e-12);
});

it("pass a concat of an add and of a flattened value by equal branching and by weight", () => {
  for (const branching of ["equal", "weight"] as const) {
    const writer = new PlanWriter(3, variedWeight(5));
    const a = writer.layer(writer.input, { outCount: 4, kernelSize: 4 });
    const b = writer.layer(a, { outCount: 4, groups: 4, kernelSize: 9 });
    const stacked = concat(add(a, b), flatten(writer.input, 2));
    const plan = writer.end(writer.layer(stacked, { outCount: 2 }));
    expect(agreement({ plan, options: { ...PHEW, branching, seed: 17 } }, 20_000)).toBeGreaterThan(
      FALSE_ALARM,
    );
  }
});
