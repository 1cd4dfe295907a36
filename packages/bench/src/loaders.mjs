/** Milliseconds of a training step for each way of filling batches: node packages/bench/src/loaders.mjs DATA_DIR [threads] [rounds], CIFAR-10. */
import { initialise, ownInitialisation, prune, zooModel } from "@phew/core";
import { inlineLoader, loadDataset, loadExecutor, threadLoader, train } from "@phew/training";

const [dataDir, threads = "1", rounds = "3"] = process.argv.slice(2);
const BATCH = 128;
const augmentation = { padding: 4, flip: true };
const CASES = {
  "as they are, inline": { loader: inlineLoader },
  "crop4+flip, inline": { loader: inlineLoader, augmentation },
  "crop4+flip, thread": { loader: threadLoader, augmentation },
};

const dataset = await loadDataset("cifar10", { dataDir, trainCount: 24 * BATCH, testCount: BATCH });
const network = zooModel("resnet20", { classCount: 10, inputShape: dataset.inputShape });
const weights = await initialise(network, { seed: 1, initialisation: ownInitialisation(network) });
const { masks } = await prune(network, weights, { method: "phew", density: 0.1, seed: 1, options: {} });
const options = {
  ...{ dataset, network, weights, masks, executor: await loadExecutor("sparse", {}) },
  optimiser: { name: "sgd" },
  ...{
    epochCount: 1,
    batchSize: BATCH,
    rate: 0.1,
    schedule: { kind: "step", drops: [], factor: 0.1 },
    seed: 1,
  },
  ...{ threadCount: Number(threads), stepInterval: 4 },
};

const best = {};
for (let round = 0; round < Number(rounds); round++) {
  for (const [name, own] of Object.entries(CASES)) {
    for await (const event of train({ ...options, ...own })) {
      // the first steps warm up
      if (event.kind !== "train.step" || event.step <= 4) continue;
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, (1000 * BATCH) / event.imagesPerSecond);
    }
  }
}
for (const [name, milliseconds] of Object.entries(best))
  console.log(`${name}: ${milliseconds.toFixed(1)} ms a step`);
