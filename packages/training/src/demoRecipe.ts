/**
 * What `npm start` trains: LeNet-5 on ten glyphs, long enough that the dense network ends between 95 and 99 % and that
 * methods differ at 2 %, short enough for two minutes on two cores. Momentum, decay and schedule are the usual ones.
 */
export const demoRecipe = {
  trainCount: 6000,
  testCount: 2000,
  epochs: 5,
  batchSize: 32,
  rate: 0.02,
  executor: "sparse",
  /** The table shows the first epoch that reaches it. */
  targetAccuracy: 0.8,
} as const;
