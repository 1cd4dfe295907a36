/**
 * Times SynFlow's 100 rounds, and PyTorch's if python3 has it: `node packages/bench/src/synflow.mjs resnet20 [--density 0.05]
 * [--rounds 100] [--repeats 3] [--threads 2] [--input 3x224x224] [--alone]`. --threads are PyTorch's: ours is one.
 */
import { parseArgs } from "node:util";
import { initialise, ownInitialisation, prune, zooModel } from "@phew/core";
import { torchSynflow } from "@phew/training/bench";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    density: { type: "string", default: "0.05" },
    rounds: { type: "string", default: "100" },
    repeats: { type: "string", default: "3" },
    threads: { type: "string", default: "2" },
    input: { type: "string" },
    alone: { type: "boolean", default: false },
  },
});
const [density, rounds, repeats, threadCount] = [
  values.density,
  values.rounds,
  values.repeats,
  values.threads,
].map(Number);
const inputShape = values.input?.split("x").map(Number);
const network = zooModel(positionals[0] ?? "resnet20", inputShape && { inputShape });
const weights = await initialise(network, { seed: 0, initialisation: ownInitialisation(network) });

const show = (name, seconds, cpuSeconds, note) =>
  console.log(
    `${name}: ${Math.min(...seconds).toFixed(2)} s, processor time ${Math.min(...cpuSeconds).toFixed(2)} s; ${note}`,
  );
console.log(
  `${network.name}, ${network.prunableCount} weights, input ${network.inputShape.join("×")}: SynFlow, ${rounds} rounds, density ${density}, best of ${repeats}`,
);

const [seconds, cpuSeconds] = [[], []];
let keptCount = 0;
for (let k = 0; k < repeats; k++) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await prune(network, weights, { method: "synflow", density, seed: 0, options: { rounds } });
  const { user, system } = process.cpuUsage(cpu);
  seconds.push((performance.now() - start) / 1000);
  cpuSeconds.push((user + system) / 1e6);
  keptCount = result.keptCount;
}
const peak = `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most`;
show("phew", seconds, cpuSeconds, `1 thread, float64, ${peak}, ${keptCount} kept`);

if (!values.alone) {
  try {
    const theirs = await torchSynflow(network, weights, { density, rounds, repeats, threadCount });
    const note = `${threadCount} threads, float32, ${theirs.keptCount} kept`;
    show(`PyTorch ${theirs.version}`, theirs.seconds, theirs.cpuSeconds, note);
    const ratio = Math.min(...seconds) / Math.min(...theirs.seconds);
    const cpuRatio = Math.min(...cpuSeconds) / Math.min(...theirs.cpuSeconds);
    console.log(`phew / PyTorch: ${ratio.toFixed(2)} in time, ${cpuRatio.toFixed(2)} in processor time`);
  } catch (error) {
    console.log(`no PyTorch beside it: ${error.message}`);
  }
}
