// Creates any number of run folders of any length, as trainings leave them; some of the trainings continue to write.
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const METHODS = ["phew", "synflow", "magnitude", "random", "uniform-walk"];
const DENSITIES = [0.1, 0.05, 0.02, 0.01];
const STEPS_PER_EPOCH = 391;
const STEP_MS = 50;

/** The k-th run of a sweep with about `eventCount` events, live or finished. */
export class LongRun {
  #k;
  #folder;
  #stepCount;
  #step = 0;
  #startedT;
  #isLive;

  constructor(root, k, eventCount, isLive) {
    this.#k = k;
    this.#isLive = isLive;
    this.#stepCount = Math.floor((eventCount * STEPS_PER_EPOCH) / (STEPS_PER_EPOCH + 1));
    this.#startedT = Date.now() - this.#stepCount * STEP_MS + k;
    this.#folder = join(root, "sweep", `${((k * 7919) % 2 ** 20).toString(16).padStart(10, "0")}-${k % 10}`);
    mkdirSync(this.#folder, { recursive: true });
    const { name, config } = this;
    this.#write("config.json", { experiment: "sweep", name, seed: config.seed, config });
    const epochCount = Math.ceil(this.#stepCount / STEPS_PER_EPOCH) * (isLive ? 2 : 1);
    const head = [
      { kind: "run.started", name, config },
      {
        kind: "train.started",
        executor: "sparse (wasm, 2 threads)",
        epochCount,
        stepsPerEpoch: STEPS_PER_EPOCH,
        batchSize: 128,
        trainCount: 50_000,
        testCount: 10_000,
      },
    ];
    this.#append(head.map((event) => ({ t: this.#startedT, ...event })));
    this.advance(this.#stepCount);
    if (!isLive) this.#append([{ t: this.#now, kind: "run.finished", elapsedMs: this.#step * STEP_MS }]);
    this.beat();
  }

  get config() {
    const method = METHODS[this.#k % METHODS.length];
    const density = DENSITIES[Math.floor(this.#k / METHODS.length) % DENSITIES.length];
    return { model: "resnet20", dataset: "cifar10", method, density, seed: Math.floor(this.#k / 20) };
  }

  get name() {
    const { method, density, seed } = this.config;
    return `${method} ${100 * density} % seed ${seed}`;
  }

  get #now() {
    return this.#startedT + this.#step * STEP_MS;
  }

  /** Writes steps, and epochs at their ends. */
  advance(stepCount) {
    const events = [];
    for (let n = 0; n < stepCount; n++) {
      this.#step++;
      const step = this.#step;
      const epoch = Math.ceil(step / STEPS_PER_EPOCH);
      const loss = 2.3 * Math.exp(-step / 20_000) + 0.2 * Math.abs(Math.sin(step * 0.7 + this.#k));
      const common = { t: this.#now, epoch, loss, rate: 0.1 };
      events.push({ kind: "train.step", step, imagesPerSecond: 2500 + 100 * Math.sin(step), ...common });
      if (step % STEPS_PER_EPOCH !== 0) continue;
      const measured = { accuracy: 1 - loss / 3, testLoss: loss, testAccuracy: 0.95 - loss / 3 };
      events.push({ kind: "train.epoch", ...common, ...measured, elapsedMs: step * STEP_MS });
    }
    this.#append(events);
  }

  /** Writes the heartbeat. */
  beat() {
    const { method, density } = this.config;
    const fraction = this.#isLive ? this.#step / (2 * this.#stepCount) : 1;
    const phase = this.#isLive ? "training" : "finished";
    this.#write("status.json", {
      state: this.#isLive ? "running" : "finished",
      name: this.name,
      pid: process.pid,
      host: hostname(),
      startedT: this.#startedT,
      updatedT: Date.now(),
      summary: { phase, method, requestedDensity: density, density, fraction, testAccuracy: 0.9 },
    });
  }

  #append(events) {
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join("");
    appendFileSync(join(this.#folder, "events.jsonl"), text);
  }

  #write(name, value) {
    const path = join(this.#folder, name);
    writeFileSync(`${path}.new`, JSON.stringify(value, null, 2));
    renameSync(`${path}.new`, path);
  }
}
