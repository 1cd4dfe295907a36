/**
 * What `npm start` trains: a small VGG with batch normalisation, PHEW's own kind of network, on ten glyphs. Without
 * normalisation a sparse network's signal shrinks from layer to layer, by as much as its method keeps small weights, and
 * the comparison measures that too. Four seeds each, so that the table has standard deviations. Long enough that methods
 * differ at 2 %, short enough for two minutes on two cores.
 */
export const demoRecipe = {
  model: "vgg-small",
  methods: ["phew", "uniform-walk", "synflow", "magnitude", "random"],
  densities: [0.05, 0.02],
  seedCount: 4,
  trainCount: 1500,
  testCount: 500,
  epochs: 4,
  batchSize: 32,
  rate: 0.05,
  executor: "sparse",
  /** The table of runs has the first epoch that reaches it. */
  targetAccuracy: 0.8,
} as const;
