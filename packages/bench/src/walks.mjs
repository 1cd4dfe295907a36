/** Times masks of walks, by the engine and by a plain linear scan in the same run: node packages/bench/src/walks.mjs [NETWORK…] */
import { cpus } from "node:os";
import { initialise, NetworkBuilder, walkPlan, zooModel } from "@phew/core";
import { loadWalkEngine } from "@phew/engine";
import { linearScanWalk } from "@phew/training/bench";

const PHEW = {
  seed: 1,
  bias: "magnitude",
  granularity: "weight",
  direction: "alternate",
  branching: "equal",
};
const only = process.argv.slice(2);
/** The linear scan of a large network takes minutes: it is stopped early. */
const MOST_MILLISECONDS = 1500;

const cases = [
  { name: "mlp", network: () => zooModel("mlp"), densities: [0.05, 0.2, 0.5], rounds: 20 },
  { name: "resnet20", network: () => zooModel("resnet20"), densities: [0.05, 0.2, 0.5], rounds: 20 },
  { name: "vgg19-bn", network: () => zooModel("vgg19-bn"), densities: [0.05, 0.1, 0.2], rounds: 5 },
  { name: "mlp-100M", network: () => perceptron(Array(7).fill(4096)), densities: [0.05], rounds: 2 },
];

function perceptron([inputCount, ...unitCounts]) {
  const b = new NetworkBuilder("mlp-100M", [inputCount]);
  let x = b.input;
  for (const [k, unitCount] of unitCounts.entries()) x = b.dense(`fc${k}`, x, unitCount);
  return b.build(x);
}

/** Processor time of this process: on a busy computer it says more than wall time. */
function milliseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const reads = new Map();

/** ns of a read at a random place in `bytes`, with many reads at a time: the lower bound by the memory. */
function randomReadNanoseconds(bytes) {
  const words = 2 ** Math.max(14, Math.ceil(Math.log2(bytes / 4)));
  if (!reads.has(words)) {
    const memory = new Uint32Array(words).fill(1);
    const count = 4_000_000;
    let best = Number.POSITIVE_INFINITY;
    let sum = 0;
    for (let round = 0; round < 5; round++) {
      const start = milliseconds();
      for (let i = 0; i < count; i++) sum += memory[Math.imul(i ^ (i >>> 7), 0x9e3779b1) & (words - 1)];
      best = Math.min(best, milliseconds() - start);
    }
    if (sum === 0) throw new Error("nothing was read");
    reads.set(words, (best * 1e6) / count);
  }
  return reads.get(words);
}

/** Every step reads at least one place of a layer (weights and both tables) and one of the mask. */
function limitNanoseconds(plan) {
  const layerBytes = plan.layers.map(
    ({ weight, kernelSize }) => 4 * weight.length + (2 * weight.length) / kernelSize,
  );
  return randomReadNanoseconds(Math.max(...layerBytes)) + randomReadNanoseconds(plan.edgeCount / 8);
}

function walkOnce(engine, plan, keepCount) {
  const start = milliseconds();
  const walker = engine.createWalker(plan, PHEW);
  const ready = milliseconds();
  const progress = walker.advance(keepCount);
  const end = milliseconds();
  walker.dispose();
  return { ...progress, setUp: ready - start, walk: end - ready, total: end - start };
}

/** After MOST_MILLISECONDS the rest is assumed to take the same time per step. */
function scanOnce(plan, keepCount, stepCount) {
  const start = milliseconds();
  let ready;
  const isOver = () => {
    ready ??= milliseconds();
    return milliseconds() > ready + MOST_MILLISECONDS;
  };
  const scan = linearScanWalk(plan, keepCount, 1, isOver);
  const walked = milliseconds() - ready;
  return ready - start + (scan.keptCount >= keepCount ? walked : walked * (stepCount / scan.stepCount));
}

const engine = await loadWalkEngine();
console.log(
  `${cpus()[0].model}, ${cpus().length} threads, Node ${process.version}; ms of processor time, best of the rounds`,
);
console.log(
  "network   density     walks   set-up     walks   ns/step  of limit     total  linear scan    ratio",
);
for (const { name, network: makeNetwork, densities, rounds } of cases) {
  if (only.length > 0 && !only.includes(name)) continue;
  const network = makeNetwork();
  const plan = walkPlan(network, await initialise(network, { seed: 1 }));
  for (const density of densities) {
    const keepCount = Math.floor(density * plan.edgeCount);
    let best;
    let scan = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const once = walkOnce(engine, plan, keepCount);
      if (best === undefined || once.total < best.total) best = once;
      if (round < 3) scan = Math.min(scan, scanOnce(plan, keepCount, once.stepCount));
    }
    const perStep = (best.walk * 1e6) / best.stepCount;
    const columns = [
      name.padEnd(10),
      density.toFixed(2).padStart(7),
      String(best.walkCount).padStart(10),
      best.setUp.toFixed(2).padStart(9),
      best.walk.toFixed(2).padStart(10),
      perStep.toFixed(1).padStart(10),
      `${((100 * limitNanoseconds(plan)) / perStep).toFixed(0)} %`.padStart(10),
      best.total.toFixed(1).padStart(10),
      scan.toFixed(1).padStart(13),
      `${(scan / best.total).toFixed(1)}×`.padStart(9),
    ];
    console.log(columns.join(""));
  }
}

const normals = new Float32Array(20_000_000);
let fill = Number.POSITIVE_INFINITY;
for (let round = 0; round < 5; round++) {
  const start = milliseconds();
  engine.fillNormal(normals, { seed: 1, stream: 0, standardDeviation: 1 });
  fill = Math.min(fill, milliseconds() - start);
}
console.log(`fillNormal: 20 million in ${fill.toFixed(0)} ms`);
