import { parseEventLine, type RunEvent, writeEventLine } from "@phew/runs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Any number, those that JSON lacks among them. */
const number = fc.double();
const fraction = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(Number.NaN));
const positive = fc.double({ min: 0 });
const duration = fc.double({ min: 0, max: 8.64e15 });
const count = fc.nat();
const epochs = fc.nat(2 ** 26);
const units = fc.stringMatching(/^[\da-f]{0,64}$/);
const layers = fc.array(
  fc
    .record({
      name: fc.string(),
      shape: fc.array(count, { maxLength: 8 }),
      keptCount: count,
      count,
      width: fraction,
    })
    .map((layer) => ({ ...layer, count: Math.max(layer.count, layer.keptCount) })),
  { maxLength: 3 },
);

/** One generator for each kind of event, all of its fields there. */
const events: { readonly [K in RunEvent["kind"]]: fc.Arbitrary<Extract<RunEvent, { kind: K }>> } = {
  "run.started": fc.record({
    kind: fc.constant("run.started" as const),
    name: fc.string(),
    config: fc.constant({ method: "phew", nested: { list: [1, "a", null] } }),
  }),
  "run.resumed": fc.record({ kind: fc.constant("run.resumed" as const), epoch: epochs, step: count }),
  "run.finished": fc.record({ kind: fc.constant("run.finished" as const), elapsedMs: duration }),
  "run.failed": fc.record({ kind: fc.constant("run.failed" as const), message: fc.string() }),
  "run.interrupted": fc.record({ kind: fc.constant("run.interrupted" as const) }),
  log: fc.record({
    kind: fc.constant("log" as const),
    level: fc.constantFrom("info" as const, "warning" as const),
    message: fc.string({ unit: "grapheme" }),
  }),
  "prune.started": fc.record({
    kind: fc.constant("prune.started" as const),
    method: fc.string(),
    density: fraction,
    keepCount: count,
    prunableCount: count,
    layerShapes: fc.array(fc.record({ name: fc.string(), shape: fc.array(count, { maxLength: 8 }), count }), {
      maxLength: 3,
    }),
  }),
  "prune.progress": fc.record({
    kind: fc.constant("prune.progress" as const),
    keptCount: count,
    keepCount: count,
    walkCount: count,
    stepCount: count,
    elapsedMs: duration,
    layerProgress: fc.array(
      fc.record(
        { keptCount: count, width: fraction, units, expectedCount: count },
        { requiredKeys: ["keptCount", "width", "units"] },
      ),
      { maxLength: 3 },
    ),
  }),
  "prune.finished": fc.record({
    kind: fc.constant("prune.finished" as const),
    method: fc.string(),
    requestedDensity: fraction,
    density: fraction,
    keptCount: count,
    elapsedMs: duration,
    layers,
    measures: fc.record({
      pathKernelTrace: number,
      relativeTrace: number,
      meanWidth: fraction,
      minWidth: fraction,
      deadUnitCount: count,
      ineffectiveCount: count,
      logPathCount: number,
    }),
  }),
  "train.started": fc.record(
    {
      kind: fc.constant("train.started" as const),
      executor: fc.string(),
      epochCount: epochs,
      stepsPerEpoch: epochs,
      batchSize: count,
      trainCount: count,
      testCount: count,
      multiplyAdds: fc.record({ dense: count, kept: count }),
      plannedMemory: fc.record({
        processBytes: count,
        activationBytes: count,
        weightBytes: count,
        optimiserBytes: count,
      }),
    },
    {
      requiredKeys: [
        "kind",
        "executor",
        "epochCount",
        "stepsPerEpoch",
        "batchSize",
        "trainCount",
        "testCount",
      ],
    },
  ),
  "rule.changed": fc.record(
    {
      kind: fc.constant("rule.changed" as const),
      epoch: epochs,
      step: count,
      change: count,
      keptCount: count,
      density: fraction,
      droppedCount: count,
      grownCount: count,
      initialOverlap: fraction,
      everKept: fraction,
      aliveUnits: fraction,
      layers: fc.array(fc.record({ keptCount: count, width: fraction, units }), { maxLength: 3 }),
    },
    {
      requiredKeys: [
        "kind",
        "epoch",
        "step",
        "change",
        "keptCount",
        "density",
        "droppedCount",
        "grownCount",
        "initialOverlap",
        "everKept",
        "aliveUnits",
      ],
    },
  ),
  "rule.measured": fc.record(
    {
      kind: fc.constant("rule.measured" as const),
      epoch: epochs,
      changes: count,
      density: fraction,
      initialOverlap: fraction,
      everKept: fraction,
      pathKernelTrace: number,
      log10Trace: number,
    },
    {
      requiredKeys: ["kind", "epoch", "changes", "density", "initialOverlap", "everKept", "pathKernelTrace"],
    },
  ),
  "train.step": fc.record({
    kind: fc.constant("train.step" as const),
    epoch: epochs,
    step: count,
    loss: number,
    rate: number,
    imagesPerSecond: positive,
  }),
  "train.epoch": fc.record({
    kind: fc.constant("train.epoch" as const),
    epoch: epochs,
    loss: number,
    accuracy: fraction,
    testLoss: number,
    testAccuracy: fraction,
    rate: number,
    elapsedMs: duration,
    gradientNorms: fc.array(positive, { maxLength: 3 }),
    layerMs: fc.array(positive, { maxLength: 3 }),
  }),
  "train.finished": fc.record({
    kind: fc.constant("train.finished" as const),
    testAccuracy: fraction,
    testLoss: number,
    elapsedMs: duration,
  }),
};

describe("a line of events.jsonl", () => {
  it.each(Object.entries(events))("gives back %s as it was, numbers JSON lacks included", (_, arbitrary) => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<RunEvent>, count, (event, t) => {
        const line = writeEventLine({ t, ...event });
        expect(line.indexOf("\n")).toBe(line.length - 1);
        // -0 is written as 0
        expect(JSON.stringify(parseEventLine(line), special)).toBe(
          JSON.stringify({ t, ...reordered(event) }, special),
        );
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ["half a line", '{"t":1,"kind":"run.fini'],
    ["an unknown kind", '{"t":1,"kind":"run.teleported"}'],
    ["a name of Object's own", '{"t":1,"kind":"constructor"}'],
    ["no time", '{"kind":"run.interrupted"}'],
    ["a missing field", '{"t":1,"kind":"train.finished","testAccuracy":0.9,"elapsedMs":3}'],
    ["a text for a number", '{"t":1,"kind":"run.finished","elapsedMs":"soon"}'],
    ["a damaged layer", finishedWith('[{"name":"conv1.weight"}]')],
    ["layers that are no list", finishedWith('{"length":1}')],
    ["a list", "[1,2]"],
    ["null", "null"],
    ["nothing", ""],
  ])("is left out where it has %s", (_, line) => {
    expect(parseEventLine(line)).toBeUndefined();
  });

  it("takes null, as other programs write NaN, for NaN", () => {
    const line = '{"t":1,"kind":"train.step","epoch":1,"step":2,"loss":null,"rate":0.1,"imagesPerSecond":5}';
    expect(parseEventLine(line)).toMatchObject({ loss: Number.NaN });
  });

  it.each([
    ["measures that are not whole", finishedWith("[]", ',"measures":{"meanWidth":1}')],
    ["a word for an optional number", finishedWith("[]", ',"walkCount":"many"')],
    ["a shape that is no list", finishedWith('[{"name":"a","shape":{},"count":9,"keptCount":1,"width":1}]')],
    [
      "more kept than there is",
      finishedWith('[{"name":"a","shape":[9],"count":9,"keptCount":10,"width":1}]'),
    ],
    ["a width above 1", finishedWith('[{"name":"a","shape":[9],"count":9,"keptCount":1,"width":2}]')],
    [
      "a negative number of weights",
      '{"t":1,"kind":"prune.progress","keptCount":-1,"keepCount":1,"elapsedMs":1}',
    ],
    ["half a step", '{"t":1,"kind":"run.resumed","epoch":1,"step":0.5}'],
    ["a time that no date can be", '{"t":1e300,"kind":"run.interrupted"}'],
    [
      "settings nested without end",
      `{"t":1,"kind":"run.started","name":"a","config":${'{"a":'.repeat(99)}1${"}".repeat(99)}}`,
    ],
    ["a message of megabytes", `{"t":1,"kind":"run.failed","message":"${"x".repeat(2 ** 20)}"}`],
    ["a level that is none", '{"t":1,"kind":"log","level":"fatal","message":"a"}'],
    [
      "steps beyond counting",
      '{"t":1,"kind":"train.started","executor":"x","epochCount":2,"stepsPerEpoch":1e308,"batchSize":1,"trainCount":1,"testCount":1}',
    ],
  ])("is left out where it has %s", (_, line) => {
    expect(parseEventLine(line)).toBeUndefined();
  });

  it("has an optional field that is null as one that is absent", () => {
    expect(parseEventLine(finishedWith("[]", ',"walkCount":null'))).not.toHaveProperty("walkCount");
  });
});

function finishedWith(layers: string, more = ""): string {
  return `{"t":1,"kind":"prune.finished","method":"phew","requestedDensity":0.1,"density":0.1,"keptCount":1,"elapsedMs":1,"layers":${layers}${more}}`;
}

function special(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? `<${value}>` : value;
}

/** As the file has them: the kind first. */
function reordered(event: RunEvent): object {
  const { kind, ...rest } = event;
  return { kind, ...rest };
}
