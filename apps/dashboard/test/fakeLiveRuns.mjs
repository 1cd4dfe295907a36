/**
 * Writes made-up runs into a folder, some ended and some in real time, to look at the screen with:
 *   node test/fakeLiveRuns.mjs FOLDER [live runs, 1] [ms a step, 60] [ended runs, 8]
 * Needs the built packages. Not shipped.
 */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { RunWriter } from "@phew/runs";
import { build } from "rolldown";

const source = fileURLToPath(new URL("fakeRuns.ts", import.meta.url));
const { output } = await build({ input: source, external: /^@phew/, platform: "node", write: false });
const { fakeEvents, fakeName } = await import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);

const [root = "", liveCount = "1", stepMs = "60", endedCount = "8"] = process.argv.slice(2);
const variants = ["dense", "phew", "uniform-walk", "magnitude", "random"].flatMap((method) =>
  (method === "dense" ? [1] : [0.05, 0.02]).map((density) => ({ method, density })),
);

/** Variant `k`, beginning at `startT`. */
function optionsOf(k, startT) {
  const { method, density } = variants[k % variants.length];
  const seed = Math.floor(k / variants.length);
  return {
    method,
    density,
    seed,
    model: k % 2 === 0 ? "lenet5" : "resnet20",
    epochCount: 8,
    startT,
    stepMs: Number(stepMs),
  };
}

function open(options, existing = "restart") {
  const config = {
    model: options.model,
    dataset: "glyphs",
    method: options.method,
    density: options.density,
  };
  return RunWriter.open({
    root,
    experiment: "demo",
    name: fakeName(options),
    config: { ...config, seed: options.seed, epochs: options.epochCount },
    defaults: {},
    seed: options.seed,
    existing,
  });
}

for (let k = 0; k < Number(endedCount); k++) {
  const options = optionsOf(k, Date.now() - 345 * Number(stepMs));
  const writer = open(options);
  for (const event of fakeEvents(options)) {
    if (event.kind === "run.finished") break;
    if (k % 5 === 3 && event.kind === "train.epoch" && event.epoch === 4) break;
    writer.append(event);
  }
  if (k % 5 === 3) writer.close({ state: "failed", failure: "the loss is NaN at step 160 (layer fc1)" });
  else if (k % 7 === 5) writer.close({ state: "interrupted" });
  else writer.close({ state: "finished" });
}

await Promise.all(
  Array.from({ length: Number(liveCount) }, async (_, n) => {
    const options = optionsOf(Number(endedCount) + n, Date.now());
    const writer = open(options);
    for (const { t, ...event } of fakeEvents(options)) {
      await delay(Math.max(0, t - Date.now()));
      if (event.kind !== "run.finished") writer.append(event);
    }
    writer.close({ state: "finished" });
  }),
);
