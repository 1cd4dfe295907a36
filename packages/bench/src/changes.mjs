/**
 * What a change of masks costs a training, in processor time of all threads: a step, a change of masks, and gradients by
 * absent weights, in turns; then memory over many changes:
 *   node packages/bench/src/changes.mjs [resnet20] [--density 0.05] [--batch 128] [--threads 2] [--rounds 7] [--changes 1000]
 * A change drops a share ζ (--fraction 0.3) of the kept weights of every layer, at random, and lets as many others grow.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { initialise, Masks, prune, zooModel } from "@phew/core";
import { Random } from "@phew/engine";
import { loadExecutor } from "@phew/training";
import { measured, median } from "./processorTime.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    density: { type: "string", default: "0.05" },
    method: { type: "string", default: "phew" },
    batch: { type: "string", default: "128" },
    threads: { type: "string", default: `${availableParallelism()}` },
    rounds: { type: "string", default: "7" },
    fraction: { type: "string", default: "0.3" },
    interval: { type: "string", default: "100" },
    changes: { type: "string", default: "1000" },
  },
});
const [density, count, threadCount, rounds, fraction, interval, changes] = [
  values.density,
  values.batch,
  values.threads,
  values.rounds,
  values.fraction,
  values.interval,
  values.changes,
].map(Number);

for (const name of positionals.length > 0 ? positionals : ["resnet20"]) {
  const network = zooModel(name);
  const weights = await initialise(network, { seed: 0 });
  const { masks } = await prune(network, weights, { method: values.method, density, seed: 0 });
  const size = network.inputShape.reduce((product, n) => product * n, 1);
  const x = Float32Array.from({ length: count * size }, (_, k) => Math.sin(k * 0.7) + Math.cos(k * 0.013));
  const y = Int32Array.from({ length: count }, (_, k) => k % network.outputShape[0]);
  const batch = { x, y, count };
  const executor = await (await loadExecutor("sparse"))({
    ...{ network, weights, masks, threadCount, batchSize: count, seed: 0, absentGradients: true },
    optimiser: { name: "sgd" },
  });
  let held = masks;
  let made = 0;
  const work = {
    step: () => executor.step(batch, 0.01),
    change: () => executor.changeMasks(held),
    candidates: () => executor.absentGradients(absentOf(held, made), batch, () => {}),
    all: () => executor.absentGradients(allOf(network), batch, () => {}),
  };
  const times = { step: [], change: [], candidates: [], all: [] };
  for (let round = -1; round < rounds; round++) {
    for (const [kind, of] of Object.entries(times)) {
      if (kind === "change") held = rewired(held, made++);
      const spent = await measured(work[kind]);
      // the first round warms up
      if (round >= 0) of.push(spent);
    }
  }
  report(name, times);
  await memoryOver(executor, () => {
    held = rewired(held, made++);
    return held;
  });
  executor.dispose();
}

function report(name, times) {
  console.log(
    `${name}, density ${density}, batch of ${count}, ${threadCount} threads, ${rounds} rounds; processor time of all threads`,
  );
  const step = median(times.step);
  const labels = {
    change: `change of masks, ${100 * fraction} % of the kept weights`,
    candidates: "gradients by as many absent weights as are kept",
    all: "gradients by all weights",
  };
  console.log(`  step  ${milliseconds(times.step)}`);
  for (const [kind, label] of Object.entries(labels)) {
    const steps = median(times[kind]) / step;
    const share = ((100 * steps) / (interval + steps)).toFixed(2);
    console.log(
      `  ${label}  ${milliseconds(times[kind])}, ${steps.toFixed(2)} steps: every ${interval} steps ${share} % of the time`,
    );
  }
}

async function memoryOver(executor, next) {
  if (changes === 0) return;
  const [planned, before] = [executor.plan.peakBytes, process.memoryUsage().rss];
  let greatest = planned;
  for (let k = 0; k < changes; k++) {
    await executor.changeMasks(next());
    greatest = Math.max(greatest, executor.plan.peakBytes);
  }
  const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `  ${changes} changes: plan ${mebibytes(planned)} MiB at first, at most ${mebibytes(greatest)}; the process grew by ${mebibytes(process.memoryUsage().rss - before)} MiB`,
  );
}

/** As many of each layer dropped, and as many others kept. */
function rewired(masks, seed) {
  const random = new Random(seed, 7);
  const next = new Masks(masks.network, masks.bytes.slice());
  for (const parameter of masks.network.prunable) {
    const [was, is] = [masks.of(parameter), next.of(parameter)];
    const absent = was.length - was.reduce((sum, kept) => sum + kept, 0);
    let missing = 0;
    for (let k = 0; k < was.length && missing < absent; k++) {
      if (was[k] === 0 || random.nextFloat() >= fraction) continue;
      is[k] = 0;
      missing++;
    }
    while (missing > 0) {
      const k = random.below(was.length);
      if (was[k] === 1 || is[k] === 1) continue;
      is[k] = 1;
      missing--;
    }
  }
  return next;
}

/** Of each layer as many absent weights as it has kept ones. */
function absentOf(masks, seed) {
  const random = new Random(seed, 8);
  return new Map(
    masks.network.prunable.map((parameter) => {
      const mask = masks.of(parameter);
      const kept = mask.reduce((sum, one) => sum + one, 0);
      const absent = Math.min(kept, mask.length - kept);
      const chosen = new Set();
      while (chosen.size < absent) {
        const k = random.below(mask.length);
        if (mask[k] === 0) chosen.add(k);
      }
      return [parameter.name, Uint32Array.from(chosen)];
    }),
  );
}

function allOf(network) {
  return new Map(network.prunable.map((parameter) => [parameter.name, "all"]));
}

function milliseconds(times) {
  return `${median(times).toFixed(1)} ms (least ${Math.min(...times).toFixed(1)})`;
}
