import { parseEventLine, type RunEvent, writeEventLine } from "@phew/runs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const number = fc.double();
const count = fc.nat();
const layers = fc.array(
  fc.record({ name: fc.string(), shape: fc.array(count), keptCount: count, count, width: number }),
  { maxLength: 3 },
);

/** One generator for each kind of event, all of its fields there. */
const events: { readonly [K in RunEvent["kind"]]: fc.Arbitrary<Extract<RunEvent, { kind: K }>> } = {
  "run.started": fc.record({
    kind: fc.constant("run.started" as const),
    name: fc.string(),
    config: fc.constant({ method: "phew", nested: { list: [1, "a", null] } }),
  }),
  "run.resumed": fc.record({ kind: fc.constant("run.resumed" as const), epoch: count, step: count }),
  "run.finished": fc.record({ kind: fc.constant("run.finished" as const), elapsedMs: number }),
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
    density: number,
    keepCount: count,
    prunableCount: count,
    layerShapes: fc.array(fc.record({ name: fc.string(), shape: fc.array(count), count }), { maxLength: 3 }),
  }),
  "prune.progress": fc.record({
    kind: fc.constant("prune.progress" as const),
    keptCount: count,
    keepCount: count,
    walkCount: count,
    stepCount: count,
    elapsedMs: number,
    layerProgress: fc.array(
      fc.record(
        { keptCount: count, width: number, units: fc.string(), expectedCount: count },
        { requiredKeys: ["keptCount", "width", "units"] },
      ),
      { maxLength: 3 },
    ),
  }),
  "prune.finished": fc.record({
    kind: fc.constant("prune.finished" as const),
    method: fc.string(),
    requestedDensity: number,
    density: number,
    keptCount: count,
    elapsedMs: number,
    layers,
    measures: fc.record({
      pathKernelTrace: number,
      relativeTrace: number,
      meanWidth: number,
      minWidth: number,
      deadUnitCount: count,
      ineffectiveCount: count,
      logPathCount: number,
    }),
  }),
  "train.started": fc.record(
    {
      kind: fc.constant("train.started" as const),
      executor: fc.string(),
      epochCount: count,
      stepsPerEpoch: count,
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
  "train.step": fc.record({
    kind: fc.constant("train.step" as const),
    epoch: count,
    step: count,
    loss: number,
    rate: number,
    imagesPerSecond: number,
  }),
  "train.epoch": fc.record({
    kind: fc.constant("train.epoch" as const),
    epoch: count,
    loss: number,
    accuracy: number,
    testLoss: number,
    testAccuracy: number,
    rate: number,
    elapsedMs: number,
    gradientNorms: fc.array(number, { maxLength: 3 }),
    layerMs: fc.array(number, { maxLength: 3 }),
  }),
  "train.finished": fc.record({
    kind: fc.constant("train.finished" as const),
    testAccuracy: number,
    testLoss: number,
    elapsedMs: number,
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

  it("loses an optional field that is damaged, not the event", () => {
    const event = parseEventLine(finishedWith("[]", ',"measures":{"meanWidth":1},"walkCount":"many"'));
    expect(event).toMatchObject({ kind: "prune.finished", layers: [] });
    expect(event).not.toHaveProperty("measures");
    expect(event).not.toHaveProperty("walkCount");
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
