/** Rules of dynamic sparse training: step by step as the oracle has them, and what holds for every change. */
import { countKept, type Masks, type Network, weightFlows } from "@phew/core";
import { Random } from "@phew/engine";
import {
  edgesOnPaths,
  type PlainChange,
  plainCht,
  plainChts,
  plainDsr,
  plainGranet,
  plainGse,
  plainMest,
  plainRigl,
  plainSet,
  plainSetSigns,
  plainSnfs,
  plainSrigl,
  Ways,
} from "@phew/oracle";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, type RuleChange } from "../src/rules/change.ts";
import { asksForGradients, chosenRule } from "../src/rules/chosen.ts";
import { rules } from "../src/rules/registry.ts";
import type { ChangeState, Plan } from "../src/rules/rule.ts";
import { oracleGraph } from "./randomNetworks.ts";
import { layeredNetwork, perceptron, subject } from "./rulesSubject.ts";

const network = layeredNetwork();
const keptAt = (state: ChangeState) => countKept(state.masks.bytes);
const planOf = (state: ChangeState, fraction: number): Plan => ({ fraction, keepCount: keptAt(state) });

function requireSame({ dropped, grown }: RuleChange, plain: PlainChange): void {
  expect([...dropped]).toEqual([...plain.dropped]);
  expect([...grown]).toEqual([...plain.grown]);
  // a comparison of nothing with nothing shows nothing
  expect(grown.length).toBeGreaterThan(0);
}

const cases = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  density: fc.double({ min: 0.2, max: 0.6, noNaN: true }),
  // hundredths: no product is a hair below a whole number by more than rounding
  zeta: fc.integer({ min: 15, max: 60 }).map((percent) => percent / 100),
});

describe("a rule drops and grows as the oracle's plain version, in the same order", () => {
  type Subject = ReturnType<typeof subject>;
  const plainly: Readonly<Record<string, (given: Subject, zeta: number) => PlainChange>> = {
    set: ({ plain, streams }, zeta) => plainSet(plain, zeta, streams),
    "set-signs": ({ plain, streams }, zeta) => plainSetSigns(plain, zeta, streams),
    rigl: ({ plain }, zeta) => plainRigl(plain, zeta),
    itop: ({ plain, streams }, zeta) => plainSet(plain, zeta, streams),
    snfs: ({ plain }, zeta) => plainSnfs(plain, zeta),
    mest: ({ plain, streams }, zeta) => plainMest(plain, zeta, 0.01, streams),
    gse: ({ plain, streams }, zeta) => plainGse(plain, zeta, 1, streams),
    cht: ({ plain, streams, state }, zeta) =>
      plainCht(plain, shapesOf(state.network), zeta, (kept) => uselessOf(state.network, kept), streams),
  };

  it.each(Object.keys(plainly))("%s", async (name) => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, density, zeta }) => {
        const given = subject(network, { seed, density });
        const change = await changed(chosenRule({ name }), given.state, planOf(given.state, zeta));
        requireSame(change, plainly[name]!(given, zeta));
      }),
      { numRuns: 12 },
    );
  });

  it("chts, which draws what stays and what grows, more and more by importance", async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async ({ seed, density, zeta }, progress) => {
          const { state, plain, streams } = subject(network, { seed, density, progress });
          const change = await changed(chosenRule({ name: "chts" }), state, planOf(state, zeta));
          const isUseless = (kept: ReadonlySet<number>) => uselessOf(network, kept);
          requireSame(change, plainChts(plain, shapesOf(network), { zeta, progress }, isUseless, streams));
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each(["grabo", "graest"])("gse with proposals by the activity of units: %s", async (propose) => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, density, zeta }) => {
        const { state, plain, streams } = subject(network, { seed, density });
        const numbers = new Random(seed, 6);
        const masses = (count: number) => Float64Array.from({ length: count }, () => numbers.nextFloat());
        const active = shapesOf(network).map(({ outs, ins }) => ({
          inputs: masses(ins),
          outputs: masses(outs),
        }));
        const asked: (Int8Array | undefined)[] = [];
        const activity: ChangeState["activity"] = async (signs) => {
          asked.push(signs);
          return new Map(network.prunable.map(({ name }, l) => [name, active[l]!]));
        };
        const rule = chosenRule({ name: "gse", options: { propose } });
        const change = await changed(rule, { ...state, activity, batchCount: 40 }, planOf(state, zeta));
        const plainly = active.map(({ inputs, outputs }) => ({ inputs: [...inputs], outputs: [...outputs] }));
        requireSame(change, plainGse(plain, zeta, 1, streams, plainly));
        const [signs] = asked;
        if (propose === "grabo") expect(signs).toBeUndefined();
        else {
          expect(signs).toHaveLength(40);
          expect(new Set(signs)).toEqual(new Set([1, -1]));
        }
      }),
      { numRuns: 12 },
    );
  });

  it("dsr, whose threshold goes from change to change", async () => {
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.double({ min: 0.05, max: 0.5, noNaN: true }),
        async ({ seed, zeta }, bound) => {
          const { state, plain, streams } = subject(network, { seed, memory: { threshold: bound } });
          const change = await changed(chosenRule({ name: "dsr" }), state, planOf(state, zeta));
          const { threshold, ...expected } = plainDsr(plain, zeta, bound, streams);
          requireSame(change, expected);
          expect(change.memory.threshold).toBe(threshold);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("granet, which prunes over all layers first", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, zeta }) => {
        const { state, plain } = subject(network, { seed, density: 0.6 });
        const keepCount = Math.floor(0.7 * keptAt(state));
        const change = await changed(chosenRule({ name: "granet" }), state, { fraction: zeta, keepCount });
        const expected = plainGranet(plain, zeta, keepCount);
        expect(new Set(change.dropped)).toEqual(new Set(expected.dropped));
        expect([...change.grown]).toEqual([...expected.grown]);
        expect(change.masks.keptCount).toBe(keepCount);
      }),
      { numRuns: 12 },
    );
  });

  it("srigl, whose units have one fan-in", async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.double({ min: 0, max: 1, noNaN: true }), async ({ seed, zeta }, gamma) => {
        const { state, plain } = subject(network, { seed });
        const rule = chosenRule({ name: "srigl", options: { gamma } });
        const { masks } = await changed(rule, state, planOf(state, zeta));
        const { kept } = plainSrigl(plain, zeta, gamma, state.startCounts);
        expect(new Set(indicesOf(masks))).toEqual(kept);
        requireConstantFanIn(masks);
      }),
      { numRuns: 12 },
    );
  });
});

const indicesOf = (masks: Masks) => [...masks.bytes.keys()].filter((k) => masks.bytes[k] === 1);

const shapesOf = (of: Network) =>
  weightFlows(of).map(({ outCount, inCount }) => ({ outs: outCount, ins: inCount }));

/** Kept weights on no path, by the oracle. */
function uselessOf(of: Network, kept: ReadonlySet<number>): Set<number> {
  const masks = new Map(
    of.prunable.map(({ name, start, length }) => [
      name,
      Float32Array.from({ length }, (_, k) => (kept.has(start + k) ? 1 : 0)),
    ]),
  );
  const onPath = edgesOnPaths(new Ways(oracleGraph(of)), masks);
  const useless = of.prunable.flatMap(({ name, start, length }) =>
    Array.from({ length }, (_, k) => k)
      .filter((k) => kept.has(start + k) && onPath.get(name)![k] === 0)
      .map((k) => start + k),
  );
  return new Set(useless.length === kept.size ? [] : useless);
}

/** Every unit of a layer has no weight, or as many as every other. */
function requireConstantFanIn(masks: Masks): void {
  for (const parameter of masks.network.prunable) {
    const mask = masks.of(parameter);
    const length = mask.length / parameter.shape[0]!;
    const fanIns = Array.from({ length: parameter.shape[0]! }, (_, unit) =>
      countKept(mask.subarray(unit * length, (unit + 1) * length)),
    );
    expect(new Set(fanIns.filter((count) => count > 0)).size).toBeLessThanOrEqual(1);
  }
}

describe("every change of every rule", () => {
  // steps of a run in which every schedule has changes
  const time = { stepCount: 400, stepsPerEpoch: 40 };
  const epochs = Array.from({ length: 10 }, (_, k) => ({
    epoch: k + 1,
    validationAccuracy: 0.1 * (k + 1),
    validationLoss: [2, 1.5, 1, 1.4, 1.2, 0.9, 1.3, 1.2, 1.1, 1][k]!,
  }));
  const rewiring = rules.filter(({ name }) => name !== "static");

  it.each(rewiring.map(({ name }) => name))("%s keeps exactly as many weights as planned", async (name) => {
    const often =
      rules.find((rule) => rule.name === name)!.schedule.options.every === undefined ? {} : { every: 10 };
    const rule = chosenRule({ name, options: often });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
        const final = keptAt(subject(network, { seed, density: 0.3 }).state);
        const density = rule.schedule.startDensity?.(0.3, rule.options) ?? 0.3;
        let { state } = subject(network, { seed, density });
        const start = keptAt(state);
        let changes = 0;
        for (let step = 0; step < time.stepCount; step++) {
          const counts = { start, now: keptAt(state), final, prunable: network.prunableCount };
          const finished = epochs.slice(0, Math.floor(step / time.stepsPerEpoch));
          const plan = rule.schedule.at({ step, ...time, epochs: finished }, rule.options, counts);
          if (plan === undefined) continue;
          const change = await changed(rule, { ...state, change: changes++ }, plan);
          requireSound(state, change, plan, name);
          state = moved(state, change, seed + step);
        }
        expect(changes).toBeGreaterThan(2);
        if (!["srigl", "path-find", "pals"].includes(name)) expect(keptAt(state)).toBe(final);
      }),
      { numRuns: 2 },
    );
  });

  it.each(["rigl", "srigl", "snfs", "path-rewire"])("%s does not drift over 1,000 changes", async (name) => {
    const rule = chosenRule({ name });
    const first = subject(perceptron(), { seed: 1 });
    let { state } = first;
    const start = keptAt(state);
    let least = start;
    for (let k = 0; k < 1000; k++) {
      const change = await changed(rule, { ...state, change: k }, { fraction: 0.3, keepCount: start });
      state = moved(state, change, k);
      least = Math.min(least, keptAt(state));
      if (name === "srigl") requireConstantFanIn(state.masks);
    }
    // constant fan-in rounds each layer down to whole units, from the same number every time
    if (name === "srigl") expect(least).toBeGreaterThan(0.7 * start);
    else expect([keptAt(state), least]).toEqual([start, start]);
  });
});

/** Counts are exact, and the lists are the difference of the masks. */
function requireSound(
  state: ChangeState,
  { masks, dropped, grown }: RuleChange,
  plan: Plan,
  name: string,
): void {
  if (name === "srigl") expect(masks.keptCount).toBeLessThanOrEqual(plan.keepCount);
  else expect(masks.keptCount).toBe(plan.keepCount);
  const before = state.masks.bytes;
  const isIn = (k: number) => [before[k], masks.bytes[k]];
  expect([...dropped].every((k) => `${isIn(k)}` === "1,0")).toBe(true);
  expect([...grown].every((k) => `${isIn(k)}` === "0,1")).toBe(true);
  expect(new Set(dropped).size + new Set(grown).size).toBe(
    before.reduce((sum, bit, k) => sum + (bit === masks.bytes[k] ? 0 : 1), 0),
  );
}

/** After the change and some training: survivors and new weights have other values, all others are 0. */
function moved(state: ChangeState, { masks, memory }: RuleChange, seed: number): ChangeState {
  const { state: other } = subject(state.network, { seed });
  const weights = new Map(state.weights);
  for (const parameter of state.network.prunable) {
    const mask = masks.of(parameter);
    const drawn = other.weights.get(parameter.name)!;
    weights.set(
      parameter.name,
      state.weights.get(parameter.name)!.map((w, k) => (mask[k] === 1 ? 0.9 * w + 0.1 * drawn[k]! : 0)),
    );
  }
  return { ...state, masks, weights, memory, gradients: other.gradients };
}

it("the same change has the same masks, and another seed or change others", async () => {
  const { state } = subject(network, { seed: 5 });
  const rule = chosenRule({ name: "set" });
  const bytesOf = async (own: Partial<ChangeState>) =>
    (await changed(rule, { ...state, ...own }, planOf(state, 0.3))).masks.bytes;
  expect(await bytesOf({})).toEqual(await bytesOf({}));
  expect(await bytesOf({ seed: 6 })).not.toEqual(await bytesOf({}));
  expect(await bytesOf({ change: 4 })).not.toEqual(await bytesOf({}));
});

describe("gradients", () => {
  it.each(rules.map(({ name }) => name))(
    "have their memory in the plan of just the rules that ask: %s",
    async (name) => {
      const { state, asked } = subject(network, { seed: 2 });
      const rule = chosenRule({ name });
      await changed(rule, state, planOf(state, 0.2));
      expect(asksForGradients(rule)).toBe(asked.length > 0);
    },
  );

  it("are asked for of candidates alone by gse, of no weight by set and path-rewire", async () => {
    const of = async (name: string, options = {}) => {
      const { state, asked } = subject(network, { seed: 2 });
      await changed(chosenRule({ name, options }), state, planOf(state, 0.2));
      return asked.reduce((sum, [, count]) => sum + count, 0);
    };
    const { state } = subject(network, { seed: 2 });
    expect(await of("set")).toBe(0);
    expect(await of("path-rewire")).toBe(0);
    expect(await of("cht")).toBe(0);
    const reranked = await of("path-rewire", { rerank: 2 });
    expect(reranked).toBeGreaterThan(0);
    expect(reranked).toBeLessThanOrEqual(2 * 0.2 * keptAt(state) + network.prunable.length);
    expect(await of("gse")).toBeLessThanOrEqual(keptAt(state));
    // a layer that grows nothing is not asked about
    expect(await of("rigl")).toBeGreaterThan(0.8 * network.prunableCount);
  });
});

describe("options", () => {
  it.each([
    [{ name: "rigel" }, /rigl/],
    [{ name: "rigl", options: { alfa: 0.3 } }, /alpha/],
    [{ name: "rigl", options: { alpha: 2 } }, /0 to 1/],
    [{ name: "rigl", options: { grow: "path" } }, /paths/],
    [{ name: "srigl", options: { grow: "random" } }, /grow=gradient/],
  ])("%j is refused", (given, message) => {
    expect(() => chosenRule(given as Parameters<typeof chosenRule>[0])).toThrow(message);
  });

  it("of a part replace the rule's own", () => {
    const rule = chosenRule({ name: "rigl", options: { grow: "paths", rerank: 3, alpha: 0.5 } });
    expect([rule.grow.name, rule.options.rerank, rule.options.alpha]).toEqual(["paths", 3, 0.5]);
  });

  it("of the parts of one rule never have the same name", () => {
    for (const { schedule, budget, drop, grow } of rules) {
      const names = [schedule, budget, drop, grow].flatMap(({ options }) => Object.keys(options));
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
