/** When rules change masks, and by how much: against closed forms, step by step. */
import { describe, expect, it } from "vitest";
import { chosenRule } from "../src/rules/chosen.ts";
import type { FinishedEpoch, KeptCounts, Plan } from "../src/rules/rule.ts";

const counts: KeptCounts = { start: 1000, now: 1000, final: 1000, prunable: 10_000 };

/** The plans of a run, by step; the masks follow them. */
function plansOf(
  rule: Parameters<typeof chosenRule>[0],
  run: { stepCount: number; stepsPerEpoch: number; epochs?: readonly FinishedEpoch[] },
  own: Partial<KeptCounts> = {},
): Map<number, Plan> {
  const { schedule, options } = chosenRule(rule);
  const plans = new Map<number, Plan>();
  let now = own.start ?? counts.start;
  for (let step = 0; step < run.stepCount; step++) {
    const epochs = (run.epochs ?? []).filter(({ epoch }) => epoch * run.stepsPerEpoch <= step);
    const plan = schedule.at({ ...run, step, epochs }, options, { ...counts, ...own, now });
    if (plan === undefined) continue;
    plans.set(step, plan);
    now = plan.keepCount;
  }
  return plans;
}

describe("schedules", () => {
  const run = { stepCount: 1000, stepsPerEpoch: 100 };

  it("rigl: every 100 steps from the first, along a cosine, to three quarters of the run", () => {
    const plans = plansOf({ name: "rigl" }, run);
    expect([...plans.keys()]).toEqual([0, 100, 200, 300, 400, 500, 600, 700]);
    for (const [step, { fraction, keepCount }] of plans) {
      expect(fraction).toBeCloseTo(0.15 * (1 + Math.cos((Math.PI * step) / 750)), 12);
      expect(keepCount).toBe(1000);
    }
  });

  it("set-signs: after every epoch, 0.3", () => {
    const plans = plansOf({ name: "set-signs" }, run);
    expect([...plans.keys()]).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect([...plans.values()].every(({ fraction }) => fraction === 0.3)).toBe(true);
  });

  it("dsr: the period doubles three times", () => {
    const plans = plansOf({ name: "dsr", options: { every: 10 } }, run);
    const expected = [];
    for (let step = 1; step < 950; step++) {
      const period = step < 125 ? 10 : step < 400 ? 20 : step < 700 ? 40 : 80;
      if (step % period === 0) expected.push(step);
    }
    expect([...plans.keys()]).toEqual(expected);
  });

  it("granet: the density falls by the cube of what is left", () => {
    const plans = plansOf({ name: "granet", options: { every: 50 } }, run, { start: 5000 });
    for (const [step, { keepCount }] of plans) {
      const left = Math.max(0, 1 - step / 687.5);
      expect(keepCount).toBe(1000 + Math.round(4000 * left ** 3));
    }
    expect([...plans.values()].at(-1)!.keepCount).toBe(1000);
  });

  it("mest: a fifth, a tenth, nothing; with soft so many more between changes", () => {
    expect([...plansOf({ name: "mest" }, run).values()].map(({ fraction }) => fraction)).toEqual([
      0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1,
    ]);
    const soft = plansOf({ name: "mest", options: { soft: true } }, run, { start: 1200 });
    expect([...soft.values()].map(({ keepCount }) => keepCount)).toEqual([
      1200, 1200, 1200, 1200, 1200, 1100, 1100, 1000,
    ]);
  });

  it("path-grow: the same factor in each stage, all at the end", () => {
    const plans = plansOf({ name: "path-grow", options: { stages: 4 } }, run, { start: 250 });
    expect([...plans.keys()]).toEqual([200, 400, 600, 800]);
    expect([...plans.values()].map(({ keepCount }) => keepCount)).toEqual([354, 500, 707, 1000]);
  });
});

describe("densities that are found", () => {
  const run = { stepCount: 400, stepsPerEpoch: 10 };
  const own = { start: 100, final: 10_000, prunable: 10_000 };
  const factor = 1.3;
  /** Accuracy on a curve that is at half its plateau at `half` weights. */
  const epochsOf = (half: number) =>
    Array.from({ length: 40 }, (_, k) => {
      const kept = 100 * factor ** Math.floor(k / 2);
      return { epoch: k + 1, validationAccuracy: 0.9 / (1 + (half / kept) ** 2) };
    });
  const foundAt = (half: number) =>
    [...plansOf({ name: "path-find" }, { ...run, epochs: epochsOf(half) }, own).values()].at(-1)!.keepCount;

  it("path-find stops where the next stage gains less than the tolerance, and finds more for a harder task", () => {
    for (const half of [40, 120]) {
      const accuracy = (kept: number) => 0.9 / (1 + (half / kept) ** 2);
      let kept = 100;
      let stages = 1;
      while (
        stages < 4 ||
        accuracy(kept * factor) - accuracy(kept) >= 0.002 ||
        0.9 - accuracy(kept) >= 0.002
      ) {
        kept *= factor;
        stages++;
      }
      expect(foundAt(half)).toBe(Math.round(kept));
    }
    expect(foundAt(120)).toBeGreaterThan(2 * foundAt(40));
  });

  it("pals prunes while the loss is near its least, grows back below the density of that, and stays within its bounds", () => {
    const losses = [2, 1.8, 1.7, 1.6, 3, 3, 1.5];
    const epochs = losses.map((validationLoss, k) => ({ epoch: k + 1, validationLoss }));
    const plans = plansOf(
      { name: "pals" },
      { stepCount: 71, stepsPerEpoch: 10, epochs },
      { start: 5000, final: 1000 },
    );
    const kept = [...plans.values()].map(({ keepCount }) => keepCount);
    let [now, best, bestKept] = [5000, Number.POSITIVE_INFINITY, 5000];
    const expected = losses.map((loss) => {
      const isFree = loss <= 1.1 * best;
      if (loss < best) [best, bestKept] = [loss, now];
      const pruned = Math.ceil(0.5 * 1.1 * now);
      if (now > 8000 || (isFree && now > 1000)) now = Math.max(1000, now - pruned + Math.floor(pruned / 1.1));
      else if (!isFree && now < bestKept)
        now = now - Math.floor(0.5 * now) + Math.floor(Math.floor(0.5 * now) * 1.1);
      return now;
    });
    expect(kept).toEqual(expected);
    expect(Math.max(...kept.slice(4, 6))).toBeGreaterThan(kept[3]!);
  });

  it("both need validation examples", () => {
    for (const name of ["path-find", "pals"])
      expect(chosenRule({ name }).schedule.needsValidation).toBe(true);
  });
});
