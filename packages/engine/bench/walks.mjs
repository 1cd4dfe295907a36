/** Masks by walking, engine against a plain linear scan in the same run. `pnpm --filter @phew/engine bench` */
import { cpus } from "node:os";
import { loadWalkEngine } from "../dist/index.js";
import { linearScanWalker } from "./linearScan.mjs";
import { mlp, resnet20, vgg19 } from "./plans.mjs";

const PHEW = {
  seed: 1,
  bias: "magnitude",
  granularity: "weight",
  direction: "alternate",
  branching: "equal",
};
const only = process.argv.slice(2);

const cases = [
  { name: "mlp", plan: (e) => mlp(e, [784, 300, 100, 10]), densities: [0.05, 0.2, 0.5], rounds: 20 },
  { name: "resnet20", plan: (e) => resnet20(e), densities: [0.05, 0.2, 0.5], rounds: 20 },
  { name: "vgg19", plan: (e) => vgg19(e), densities: [0.05, 0.1, 0.2], rounds: 5 },
  { name: "mlp-100M", plan: (e) => mlp(e, Array(7).fill(4096)), densities: [0.05], rounds: 2 },
];

/** ns of a read at an unforeseeable place among `bytes`, many at a time: what the memory can do at most. */
function randomReadNanoseconds(bytes) {
  const words = new Uint32Array(bytes / 4).fill(1);
  const mask = words.length - 1;
  const count = 4_000_000;
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (let i = 0; i < count; i++) sum += words[Math.imul(i ^ (i >>> 7), 0x9e3779b1) & mask];
    best = Math.min(best, performance.now() - start);
  }
  if (sum === 0) throw new Error("nothing was read");
  return (best * 1e6) / count;
}

const engine = await loadWalkEngine();
console.log(`${cpus()[0].model}, Node ${process.version}`);
for (const megabytes of [1, 4, 16, 64, 256]) {
  console.log(
    `independent random reads, ${megabytes} MiB: ${randomReadNanoseconds(megabytes << 20).toFixed(1)} ns`,
  );
}
const ms = (value) => value.toFixed(2).padStart(9);
console.log(
  "network   density    walks    set-up ms   walks ms    ns/step   total ms   linear scan ms   ratio",
);
for (const { name, plan: makePlan, densities, rounds } of cases) {
  if (only.length > 0 && !only.includes(name)) continue;
  const plan = makePlan(engine);
  for (const density of densities) {
    const keepCount = Math.floor(density * plan.edgeCount);
    let best = { total: Number.POSITIVE_INFINITY };
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const walker = engine.createWalker(plan, PHEW);
      const ready = performance.now();
      const progress = walker.advance(keepCount);
      const end = performance.now();
      walker.dispose();
      if (end - start < best.total)
        best = { ...progress, setUp: ready - start, walk: end - ready, total: end - start };
    }
    let baseline = Number.POSITIVE_INFINITY;
    for (let round = 0; round < Math.min(3, rounds); round++) {
      const start = performance.now();
      const walkOn = linearScanWalker(plan, 1);
      const ready = performance.now();
      const { keptCount, stepCount } = walkOn(keepCount, 1500);
      const walked = performance.now() - ready;
      // where the time was not enough, the rest is taken to go on at the same pace
      const whole = keptCount >= keepCount ? walked : walked * (best.stepCount / stepCount);
      baseline = Math.min(baseline, ready - start + whole);
    }
    const perStep = (best.walk * 1e6) / best.stepCount;
    console.log(
      `${name.padEnd(10)}${density.toFixed(2).padStart(6)}${String(best.walkCount).padStart(10)}  ${ms(best.setUp)}  ${ms(best.walk)}  ${ms(perStep)}  ${ms(best.total)}  ${ms(baseline)}  ${(baseline / best.total).toFixed(1).padStart(8)}×`,
    );
  }
}
