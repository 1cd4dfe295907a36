/**
 * A process that trains a small network by two steps on a backend of TensorFlow.js and on the sparse executor, and says
 * whether they agree.
 *   node scripts/tensorflow/proof.mjs tfjs-node
 */
import { initialise, NetworkBuilder } from "../../packages/core/dist/index.js";
import { loadExecutor, loadTensorflowExecutor } from "../../packages/training/dist/index.js";

const COUNT = 8;
const TOLERANCE = 1e-4;

/** @returns `{ losses }`, before each of two steps on the same batch */
async function main(backend) {
  const b = new NetworkBuilder("proof", [3, 8, 8]);
  const conv = b.conv2d("conv", b.input, { outChannels: 8, kernel: 3, stride: 2, padding: 1 });
  const network = b.build(b.dense("fc", b.flatten(b.activation("tanh", b.batchNorm("bn", conv))), 10));
  const options = {
    network,
    weights: await initialise(network, { seed: 1 }),
    optimiser: { name: "sgd" },
    batchSize: COUNT,
    seed: 1,
  };
  const batch = {
    x: Float32Array.from({ length: COUNT * 192 }, (_, k) => Math.sin(k * k)),
    y: Int32Array.from({ length: COUNT }, (_, k) => k),
    count: COUNT,
  };
  const losses = [];
  for (const factory of [await loadTensorflowExecutor(backend), await loadExecutor("sparse")]) {
    const executor = await factory(options);
    losses.push([(await executor.step(batch, 0.05)).loss, (await executor.step(batch, 0.05)).loss]);
    executor.dispose();
  }
  const [found, expected] = losses;
  const agree = found.every((loss, k) => Math.abs(loss / expected[k] - 1) < TOLERANCE);
  if (!agree)
    throw new Error(`losses of two steps were ${found.join(", ")}, expected ${expected.join(", ")}`);
  if (!(found[1] < found[0])) throw new Error(`a step did not lower the loss: ${found.join(", then ")}`);
  return { losses: found };
}

try {
  process.stdout.write(`${JSON.stringify(await main(process.argv[2]))}\n`);
} catch (error) {
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = 1;
}
