// a process of its own: prints what a training was planned to need, and by how much the process grew; run with --expose-gc
import { initialise, prune, zooModel } from "@phew/core";
import { loadExecutor, watchGrowth } from "@phew/training";

const [name, density, batchSize] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const network = zooModel(name);
const weights = await initialise(network, { seed: 1 });
const { masks } = await prune(network, weights, { method: "phew", density, seed: 1 });
const length = network.inputShape.reduce((product, n) => product * n, batchSize);
const batch = { x: new Float32Array(length).fill(0.5), y: new Int32Array(batchSize), count: batchSize };
const factory = await loadExecutor("sparse");
const optimiser = { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-4 } };
// buffers are given back behind the collector's back, some time later
for (let k = 0; k < 3; k++) {
  globalThis.gc();
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const grown = watchGrowth();
const executor = await factory({ network, weights, masks, optimiser, batchSize, seed: 1, threadCount: 2 });
for (let step = 0; step < 2; step++) await executor.step(batch, 0.01);
await executor.evaluate(batch);
process.stdout.write(JSON.stringify({ plan: executor.plan, grownBytes: grown() }));
executor.dispose();
