/**
 * What a change of each rule costs beside a step with the same masks, and beside RigL by PyTorch with dense gradients, in turns;
 * processor time of all threads, medians:
 *   node packages/bench/src/rules.mjs [resnet20] [--rules set,rigl] [--density 0.05] [--batch 128] [--threads 1] [--rounds 7] [--no-torch]
 * A change replaces a share ζ (--fraction 0.3) of the kept weights, or adds it with a rule that drops nothing, which then goes
 * back to the first masks: the rule's choice, gradients included, and the executor's change of masks. All rules that change
 * masks, unless some are named.
 */
import { parseArgs } from "node:util";
import { initialise, prune, zooModel } from "@phew/core";
import { chosenRule, loadExecutor, rules } from "@phew/training";
import { changed, torchRewire } from "@phew/training/bench";
import { measured, median } from "./processorTime.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rules: { type: "string" },
    density: { type: "string", default: "0.05" },
    batch: { type: "string", default: "128" },
    // PyTorch's threads spin while they wait, which is no work
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "7" },
    fraction: { type: "string", default: "0.3" },
    interval: { type: "string", default: "100" },
    "no-torch": { type: "boolean", default: false },
  },
});
const [density, count, threadCount, rounds, fraction, interval] = [
  values.density,
  values.batch,
  values.threads,
  values.rounds,
  values.fraction,
  values.interval,
].map(Number);
const names = values.rules?.split(",") ?? rules.map(({ name }) => name).filter((name) => name !== "static");
/** Schedules that grow and drop nothing. */
const GROWING = ["growth", "plateau"];

for (const model of positionals.length > 0 ? positionals : ["resnet20"]) {
  const network = zooModel(model);
  const weights = await initialise(network, { seed: 0 });
  const { masks } = await prune(network, weights, { method: "phew", density, seed: 0 });
  const size = network.inputShape.reduce((product, n) => product * n, 1);
  const x = Float32Array.from({ length: count * size }, (_, k) => Math.sin(k * 0.7) + Math.cos(k * 0.013));
  const y = Int32Array.from({ length: count }, (_, k) => k % network.outputShape[0]);
  const batch = { x, y, count };
  const subjects = [];
  for (const name of names) subjects.push(await subjectOf(name, { network, weights, masks, batch }));
  for (let round = -1; round < rounds; round++) {
    for (const { step, change, back, times } of subjects) {
      const spent = { step: await measured(step), change: await measured(change) };
      await back();
      // the first round warms up
      if (round >= 0) for (const kind of ["step", "change"]) times[kind].push(spent[kind]);
    }
  }
  console.log(`${model}, density ${density}, batch of ${count}, ${threadCount} threads, ${rounds} rounds`);
  const theirs = values["no-torch"] ? undefined : torchTimes({ network, weights, masks, batch });
  for (const { name, times, executor } of subjects) {
    console.log(`  ${name}: ${report(times, theirs)}`);
    executor.dispose();
  }
}

/** A training with a rule; `change` is its next change. */
async function subjectOf(name, { network, weights, masks, batch }) {
  const rule = chosenRule({ name });
  const executor = await (await loadExecutor("sparse"))({
    ...{ network, weights, masks, threadCount, batchSize: count, seed: 0, absentGradients: true },
    optimiser: { name: "sgd" },
  });
  const startCounts = network.prunable.map((parameter) =>
    masks.of(parameter).reduce((sum, one) => sum + one, 0),
  );
  let [held, made, memory] = [masks, 0, {}];
  const grows = GROWING.includes(rule.schedule.name);
  const plan = grows
    ? { fraction: 0, keepCount: Math.round(masks.keptCount * (1 + fraction)) }
    : { fraction, keepCount: masks.keptCount };
  const gradients = async (requests, take) => void (await executor.absentGradients(requests, batch, take));
  const change = async () => {
    const momentum = rule.budget.usesMomentum ? (await executor.state()).get("momentum") : undefined;
    const state = {
      ...{ network, masks: held, weights: await executor.weights(), momentum, startCounts, change: made++ },
      ...{ progress: 0.1, seed: 0, memory, gradients },
    };
    const next = await changed(rule, state, plan);
    [held, memory] = [next.masks, next.memory];
    await executor.changeMasks(held);
  };
  const back = async () => {
    if (!grows) return;
    held = masks;
    await executor.changeMasks(held);
  };
  const step = () => executor.step(batch, 0.01);
  return { name, executor, step, change, back, times: { step: [], change: [] } };
}

/** In milliseconds; undefined where python3 has no torch. */
function torchTimes({ network, weights, masks, batch }) {
  try {
    const { version, step, change } = torchRewire(network, weights, masks, batch, {
      threadCount,
      rounds,
      fraction,
    });
    const [ofStep, ofChange] = [1000 * median(step), 1000 * median(change)];
    console.log(
      `  RigL by PyTorch ${version}, dense with masks: step ${ofStep.toFixed(1)} ms, change ${ofChange.toFixed(1)} ms`,
    );
    return { step: ofStep, change: ofChange };
  } catch (error) {
    console.log(`  no PyTorch beside it: ${error.message}`);
    return undefined;
  }
}

function report(times, theirs) {
  const [step, change] = [median(times.step), median(times.change)];
  const share = (100 * change) / (interval * step + change);
  const costs = `step ${step.toFixed(1)} ms, change ${change.toFixed(1)} ms, ${(change / step).toFixed(2)} steps: every ${interval} steps ${share.toFixed(1)} % of the time`;
  if (theirs === undefined) return costs;
  const ratio = (interval * theirs.step + theirs.change) / (interval * step + change);
  return `${costs}; PyTorch's ${interval} steps and change take ${ratio.toFixed(1)} times as long`;
}
