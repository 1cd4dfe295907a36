/**
 * Time and memory of a gradient and of a Hessian-vector product of all weights, and PyTorch's if python3 has it:
 *   node packages/bench/src/derivatives.mjs [resnet20 vgg19-bn] [--count 100] [--threads 2] [--rounds 3] [--density 1] [--no-torch]
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { initialise, prune, zooModel } from "@phew/core";
import { createDifferentiator } from "@phew/training";
import { torchDerivatives } from "@phew/training/bench";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "100" },
    threads: { type: "string", default: `${availableParallelism()}` },
    rounds: { type: "string", default: "3" },
    density: { type: "string", default: "1" },
    "no-torch": { type: "boolean", default: false },
  },
});
const [count, threads, rounds, density] = [values.count, values.threads, values.rounds, values.density].map(
  Number,
);
const names = positionals.length > 0 ? positionals : ["resnet20", "vgg19-bn"];
const differentiator = createDifferentiator({ threadCount: threads });

for (const name of names) {
  const network = zooModel(name);
  const weights = await initialise(network, { seed: 0 });
  const size = network.inputShape.reduce((product, n) => product * n, 1);
  const x = Float32Array.from({ length: count * size }, (_, k) => Math.sin(k * 0.7) + Math.cos(k * 0.013));
  const y = Int32Array.from({ length: count }, (_, k) => k % network.outputShape[0]);
  const masks =
    density < 1 ? (await prune(network, weights, { method: "random", density, seed: 0 })).masks : undefined;
  const request = {
    network,
    weights,
    batches: [{ x, y, count }],
    statistics: "batch",
    ...(masks && { masks }),
  };
  const { gradients } = await differentiator.gradients(request);
  const times = { gradients: [], product: [] };
  for (let round = 0; round < rounds; round++) {
    times.gradients.push(await measured(() => differentiator.gradients(request)));
    times.product.push(await measured(() => differentiator.hessianProduct(request, gradients)));
  }
  const peak = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${name}, ${count} examples, density ${density}, ${threads} threads, at most ${peak} MiB in all`,
  );
  console.log(`  gradients ${best(times.gradients)}, with H·v ${best(times.product)}`);
  if (values["no-torch"]) continue;
  try {
    const theirs = torchDerivatives(request, gradients, { threadCount: threads, rounds });
    const [gradient, product] = [best(theirs.gradients), best(theirs.product)];
    console.log(`  PyTorch ${theirs.version}, dense: gradients ${gradient}, with H·v ${product}`);
  } catch (error) {
    console.log(`  no PyTorch beside it: ${error.message}`);
  }
}

async function measured(work) {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  return { clock: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

function best(times) {
  const least = (of) => Math.min(...times.map(of)).toFixed(2);
  return `${least(({ clock }) => clock)} s (processor ${least(({ processor }) => processor)} s)`;
}
