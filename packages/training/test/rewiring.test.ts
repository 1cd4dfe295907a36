/** Trainings whose rule changes the masks: what holds at every change, and that resumed ones end alike. */
import {
  countKept,
  type EventOf,
  type Masks,
  NetworkBuilder,
  type TrainEvent,
  tauCore,
  type Weights,
} from "@phew/core";
import { describe, expect, it } from "vitest";
import { glyphs } from "../src/datasets/glyphs/glyphs.ts";
import { loadExecutor } from "../src/executors.ts";
import { chosenRule } from "../src/rules/chosen.ts";
import { type TrainOptions, train } from "../src/train.ts";
import type { TrainCheckpoint } from "../src/trainPosition.ts";
import { randomMasks, randomWeights } from "./randomNetworks.ts";
import { backends } from "./tensorflowBackends.ts";

function smallNetwork() {
  const b = new NetworkBuilder("small", [1, 28, 28]);
  const conv = b.conv2d("conv", b.input, { outChannels: 4, kernel: 5, stride: 3, bias: false });
  const hidden = b.dense("hidden", b.flatten(b.relu(b.batchNorm("norm", conv))), 12);
  return b.build(b.dense("out", b.dropout(0.3, b.relu(hidden)), 3));
}

const network = smallNetwork();
const masks = randomMasks(network, 0.3, 2);
const dataset = glyphs({ classCount: 3, trainCount: 36, testCount: 9, seed: 5 });
// four steps an epoch
const RUN = { epochCount: 3, batchSize: 10 };
const STEP_COUNT = 12;

async function run(change: Partial<TrainOptions>) {
  const training = train({
    dataset,
    network,
    weights: randomWeights(network, 1),
    masks,
    executor: await loadExecutor("sparse"),
    optimiser: { name: "sgd", settings: { momentum: 0.9, nesterov: true, weightDecay: 1e-3 } },
    ...RUN,
    rate: 0.02,
    schedule: { kind: "step", drops: [0.5], factor: 0.1 },
    seed: 7,
    threadCount: 1,
    stepInterval: 1,
    ...change,
  });
  const events: TrainEvent[] = [];
  for (;;) {
    const next = await training.next();
    if (next.done) return { events, outcome: next.value };
    events.push(next.value);
  }
}

const bits = (values: Weights) =>
  new Map(Array.from(values, ([name, array]) => [name, [...new Uint32Array(array.slice().buffer)]]));
const changesOf = (events: readonly TrainEvent[]) =>
  events.filter((event): event is EventOf<"rule.changed"> => event.kind === "rule.changed");

function requireMasked(weights: Weights, held: Masks): void {
  for (const parameter of network.prunable) {
    const mask = held.of(parameter);
    const stray = [...weights.get(parameter.name)!].findIndex((w, k) => mask[k] === 0 && w !== 0);
    expect(stray).toBe(-1);
  }
}

/** Rules with the options that give them changes in so short a run. */
const RULES = [
  { name: "rigl", options: { every: 2 } },
  { name: "snfs", options: { every: 3 } },
  { name: "dsr", options: { every: 1, threshold: 0.05 } },
  { name: "mest", options: { every: 2, soft: true } },
  { name: "srigl", options: { every: 2 } },
  { name: "gse", options: { every: 2, propose: "graest" } },
  { name: "path-grow", options: { stages: 3, seed: 0.5 } },
  { name: "path-rewire", options: { every: 2, rerank: 2 } },
];

describe.each(RULES)("$name", (given) => {
  it("resumes at every place as if it had gone on, whatever the number of threads", async () => {
    const rule = chosenRule(given);
    const keepCount = given.name === "path-grow" ? 2 * masks.keptCount : undefined;
    const kept: TrainCheckpoint[] = [];
    const keep = async (checkpoint: TrainCheckpoint) => void kept.push(checkpoint);
    const options = { rule, keepCount };
    const whole = await run({ ...options, checkpoints: { due: () => true, keep } });
    const changes = changesOf(whole.events);
    expect(changes.length).toBeGreaterThan(1);
    requireMasked(whole.outcome.weights, whole.outcome.masks!);
    expect(whole.outcome.masks!.keptCount).toBe(changes.at(-1)!.keptCount);
    if (keepCount !== undefined) expect(changes.at(-1)!.keptCount).toBe(keepCount);
    for (const checkpoint of kept.filter((_, k) => k % 3 === 1)) {
      requireMasked(checkpoint.weights, checkpoint.masks ?? masks);
      const resumed = await run({ ...options, weights: new Map(), resume: checkpoint, threadCount: 2 });
      expect(bits(resumed.outcome.weights)).toEqual(bits(whole.outcome.weights));
      expect(resumed.outcome.masks!.bytes).toEqual(whole.outcome.masks!.bytes);
      const { step } = checkpoint.position;
      expect(changesOf(resumed.events)).toEqual(changes.filter((event) => event.step >= step));
    }
  });
});

describe("the loop", () => {
  it("takes a change by gradients in place of the step, any other between two steps", async () => {
    const weightsAfter = async (name: string) => {
      const kept: TrainCheckpoint[] = [];
      const keep = async (checkpoint: TrainCheckpoint) => void kept.push(checkpoint);
      // the first change comes before step 0
      const rule = chosenRule({ name, options: { every: 100 } });
      await run({ rule, epochCount: 1, checkpoints: { due: ({ step }) => step <= 1, keep } });
      return kept.map(({ weights }) => bits(weights).get("out.bias"));
    };
    const [start, afterRigl] = await weightsAfter("rigl");
    expect(afterRigl).toEqual(start);
    const [, afterSet] = await weightsAfter("set");
    expect(afterSet).not.toEqual(start);
  });

  it.runIf(backends.some(({ present }) => present))("changes the masks of both executors alike", async () => {
    // at their first change, before dropout has made a difference
    for (const given of RULES.filter(({ name }) => ["rigl", "srigl", "path-rewire"].includes(name))) {
      const runs = [];
      for (const executor of ["sparse", "tensorflow"])
        runs.push(
          await run({ rule: chosenRule(given), executor: await loadExecutor(executor), epochCount: 1 }),
        );
      const [ours, theirs] = runs.map(({ events }) => changesOf(events)[0]);
      expect(ours).toEqual(theirs);
    }
  });

  it("counts what was kept at any time, and the overlap with the first masks", async () => {
    const { events, outcome } = await run({ rule: chosenRule({ name: "set", options: { every: 2 } }) });
    const changes = changesOf(events);
    const grownBack = changes.reduce((sum, { grownCount }) => sum + grownCount, 0);
    const [first, last] = [changes[0]!, changes.at(-1)!];
    expect(first.everKept).toBeCloseTo((masks.keptCount + first.grownCount) / network.prunableCount, 12);
    expect(last.everKept * network.prunableCount).toBeLessThanOrEqual(masks.keptCount + grownBack);
    const both = outcome.masks!.bytes.reduce((sum, bit, k) => sum + bit * masks.bytes[k]!, 0);
    expect(last.initialOverlap).toBeCloseTo(both / (2 * masks.keptCount - both), 12);
    expect(last.layers ?? first.layers).toHaveLength(network.prunable.length);
    const measured = events.filter(({ kind }) => kind === "rule.measured");
    expect(measured).toHaveLength(RUN.epochCount);
    expect(measured.at(-1)).toMatchObject({ coreSize: tauCore(outcome.masks!)!.size });
  });

  it("without a change has the bytes of a run without a rule", async () => {
    const [control, plain] = [await run({ rule: chosenRule({ name: "static" }) }), await run({})];
    expect(bits(control.outcome.weights)).toEqual(bits(plain.outcome.weights));
    expect(countKept(control.outcome.masks!.bytes)).toBe(masks.keptCount);
  });

  it("refuses proposals by activity where the executor does not report it, before any step", async () => {
    const create = await loadExecutor("sparse");
    const mute: TrainOptions["executor"] = async (options) => {
      const executor = await create(options);
      return new Proxy(executor, {
        get: (of, name) => {
          if (name === "unitActivity") return undefined;
          const value: unknown = Reflect.get(of, name);
          return typeof value === "function" ? value.bind(of) : value;
        },
      });
    };
    const rule = chosenRule({ name: "gse", options: { every: 2, propose: "grabo" } });
    await expect(run({ rule, executor: mute })).rejects.toThrow(
      "rule gse: propose: got grabo on the executor sparse, which does not report the activity of units",
    );
  });

  it("refuses a rule without a change in the run", async () => {
    await expect(run({ rule: chosenRule({ name: "itop", options: { begin: 0.5 } }) })).rejects.toThrow(
      `a run of ${STEP_COUNT} steps`,
    );
  });
});
