/** Events of a training of two epochs with a step each, which stands for any. */
export const trainStarted = {
  kind: "train.started",
  executor: "x",
  epochCount: 2,
  stepsPerEpoch: 1,
  batchSize: 1,
  trainCount: 1,
  testCount: 1,
} as const;

export const trainEpoch = (epoch: number, testAccuracy = 0.5) =>
  ({
    kind: "train.epoch",
    ...{ epoch, loss: 1, accuracy: 0.5, testLoss: 1, testAccuracy, rate: 0.1, elapsedMs: 9 },
  }) as const;
