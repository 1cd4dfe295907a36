/**
 * The learning rate of a step, a function of the plan and the step's number. With t the number of steps before it, W
 * those of the warm-up, T all of them, η the full rate:
 *   warm-up  η·(t + 1) / W                                                       for t < W
 *   step     η·factor^d,  d = number of drops so far                              as PyTorch's MultiStepLR
 *   cosine   η_end + (η − η_end)/2 · (1 + cos(π·(t − W) / (T − W)))               as CosineAnnealingLR
 * Drops occur between epochs: the one at fraction f when f of all epochs, including the warm-up's, are done.
 * @see Loshchilov & Hutter 2017, arXiv:1608.03983 (cosine); Goyal et al. 2017, arXiv:1706.02677 (warm-up)
 */
import { ArgumentError } from "@phew/core";

export interface StepSchedule {
  readonly kind: "step";
  /** Fractions of all epochs, each above 0 and below 1. */
  readonly drops: readonly number[];
  readonly factor: number;
}

export interface CosineSchedule {
  readonly kind: "cosine";
  /** The rate one step after the last. */
  readonly endRate: number;
}

export type Schedule = StepSchedule | CosineSchedule;

export interface RatePlan {
  /** η: after the warm-up, before any drop. */
  readonly rate: number;
  /** Absent: the rate stays. */
  readonly schedule?: Schedule | undefined;
  /** Length of the warm-up, rounded to whole steps; at most `epochCount`. 0 unless given. */
  readonly warmupEpochs?: number | undefined;
  readonly epochCount: number;
}

/** @param step 0-based, counted over all epochs */
export function rateAt(plan: RatePlan, step: number, stepsPerEpoch: number): number {
  const { rate, schedule, warmupEpochs = 0, epochCount } = plan;
  const warmupSteps = Math.round(warmupEpochs * stepsPerEpoch);
  if (step < warmupSteps) return (rate * (step + 1)) / warmupSteps;
  if (schedule === undefined) return rate;
  if (schedule.kind === "step") {
    const epoch = Math.floor(step / stepsPerEpoch);
    return rate * schedule.factor ** schedule.drops.filter((drop) => epoch >= drop * epochCount).length;
  }
  const length = epochCount * stepsPerEpoch - warmupSteps;
  const turn = Math.cos((Math.PI * (step - warmupSteps)) / length);
  return schedule.endRate + ((rate - schedule.endRate) / 2) * (1 + turn);
}

/** @throws ArgumentError naming the first number that is out of range */
export function checkRatePlan({ rate, schedule, warmupEpochs = 0, epochCount }: RatePlan): void {
  if (!(rate > 0 && Number.isFinite(rate))) {
    throw new ArgumentError("learning rate", { given: `${rate}`, expected: "a number above 0" });
  }
  if (!(warmupEpochs >= 0 && warmupEpochs <= epochCount)) {
    throw new ArgumentError("warm-up", {
      given: `${warmupEpochs} epochs`,
      expected: `0 to ${epochCount}, the epochs of the training`,
    });
  }
  if (schedule?.kind === "step") checkDrops(schedule);
  if (schedule?.kind === "cosine" && !(schedule.endRate >= 0 && schedule.endRate <= rate)) {
    throw new ArgumentError("end of the learning rate", {
      given: `${schedule.endRate}`,
      expected: `0 to ${rate}, the learning rate`,
    });
  }
}

function checkDrops({ drops, factor }: StepSchedule): void {
  const outside = drops.find((drop) => !(drop > 0 && drop < 1));
  if (outside !== undefined) {
    throw new ArgumentError("drops of the learning rate", {
      given: `${outside}`,
      expected: "fractions of the training, above 0 and below 1",
    });
  }
  if (!(factor > 0 && Number.isFinite(factor))) {
    throw new ArgumentError("factor of the learning rate", {
      given: `${factor}`,
      expected: "a number above 0",
    });
  }
}
