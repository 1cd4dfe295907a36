import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRatePlan, type RatePlan, rateAt } from "../src/schedule.ts";

/** The numbers a script prints, one list a line; undefined where PyTorch is not there. */
function torch(script: string): number[] | undefined {
  try {
    const text = execFileSync("python3", ["-c", script], { encoding: "utf8", stdio: "pipe" });
    return text
      .trim()
      .split("\n")
      .flatMap((line) => JSON.parse(line) as number[]);
  } catch {
    return undefined;
  }
}

const ratesOf = (plan: RatePlan, stepsPerEpoch: number): number[] =>
  Array.from({ length: plan.epochCount * stepsPerEpoch }, (_, step) => rateAt(plan, step, stepsPerEpoch));

const PRELUDE = `
import json, torch
from torch.optim.lr_scheduler import *
def rates(rate, steps, make):
    o = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    s = make(o)
    out = []
    for _ in range(steps):
        out.append(o.param_groups[0]["lr"]); o.step(); s.step()
    print(json.dumps(out))
`;

describe("rateAt", () => {
  const drops = { kind: "step", drops: [0.5, 0.75], factor: 0.1 } as const;

  it("drops at half and three quarters: of 160 epochs, 80 and 120", () => {
    const plan = { rate: 1, schedule: drops, epochCount: 160 };
    const atEpoch = [0, 79, 80, 119, 120, 159].map((epoch) => rateAt(plan, 391 * epoch, 391));
    [1, 1, 0.1, 0.1, 0.01, 0.01].forEach((rate, k) => {
      expect(atEpoch[k]).toBeCloseTo(rate, 12);
    });
    expect(rateAt(plan, 391 * 80 - 1, 391)).toBe(1);
  });

  it("has the closed form's values at the ends and the middle of a cosine", () => {
    const plan = { rate: 0.1, schedule: { kind: "cosine", endRate: 0.02 }, epochCount: 10 } as const;
    expect(rateAt(plan, 0, 4)).toBe(0.1);
    expect(rateAt(plan, 20, 4)).toBeCloseTo(0.06, 12);
    expect(rateAt(plan, 40, 4)).toBeCloseTo(0.02, 12);
    expect(rateAt(plan, 10, 4)).toBeCloseTo(0.02 + 0.04 * (1 + Math.SQRT1_2), 12);
  });

  it("agrees with PyTorch's MultiStepLR, and LinearLR then CosineAnnealingLR, to 1e-9 (skipped without torch)", () => {
    const theirs = torch(`${PRELUDE}
rates(0.1, 24, lambda o: MultiStepLR(o, [12, 18], 0.1))
rates(0.3, 24, lambda o: SequentialLR(o, [LinearLR(o, 1/6, 1, 5), CosineAnnealingLR(o, 18, 0.01)], [6]))`);
    if (theirs === undefined) return console.warn("skipped: python3 with torch is not there");
    const cosine = { kind: "cosine", endRate: 0.01 } as const;
    const ours = [
      ...ratesOf({ rate: 0.1, schedule: drops, epochCount: 8 }, 3),
      ...ratesOf({ rate: 0.3, schedule: cosine, warmupEpochs: 1.5, epochCount: 6 }, 4),
    ];
    expect(ours).toHaveLength(theirs.length);
    ours.forEach((rate, k) => {
      expect(Math.abs(rate / theirs[k]! - 1), `step ${k}`).toBeLessThan(1e-9);
    });
  });

  it("warms up in equal steps to the full rate, and never rises behind it", () => {
    const schedule = fc.constantFrom(undefined, drops, { kind: "cosine", endRate: 0 } as const);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.nat(12),
        fc.integer({ min: 1, max: 9 }),
        schedule,
        (epochCount, warm, perEpoch, kind) => {
          const warmupEpochs = Math.min(warm, epochCount);
          const rates = ratesOf(
            { rate: 0.5, epochCount, warmupEpochs, ...(kind && { schedule: kind }) },
            perEpoch,
          );
          const warmupSteps = warmupEpochs * perEpoch;
          rates.slice(0, warmupSteps).forEach((rate, k) => {
            expect(rate).toBeCloseTo((0.5 * (k + 1)) / warmupSteps, 12);
          });
          for (let k = warmupSteps + 1; k < rates.length; k++)
            expect(rates[k]).toBeLessThanOrEqual(rates[k - 1]!);
          expect(rates.every((rate) => rate >= 0 && rate <= 0.5)).toBe(true);
        },
      ),
    );
  });

  it.each([
    [{ rate: 0, epochCount: 2 }, /learning rate: got 0/],
    [{ rate: 1, epochCount: 2, warmupEpochs: 3 }, /warm-up: got 3 epochs, expected 0 to 2/],
    [{ rate: 1, epochCount: 2, warmupEpochs: Number.NaN }, /warm-up: got NaN/],
    [
      { rate: 0.1, epochCount: 2, schedule: { kind: "cosine", endRate: 0.2 } },
      /end of the learning rate: got 0.2, expected 0 to 0.1/,
    ],
  ] as [RatePlan, RegExp][])("refuses %j", (plan, message) => {
    expect(() => checkRatePlan(plan)).toThrow(message);
  });
});
