/** What the pruning view shows of masks that change: the facts of the last change, and both curves. */
import { fullCurve, initialRunState, reduceAll, type TimedRunEvent } from "@phew/runs";
import { expect, it } from "vitest";
import { rewiringContent } from "../src/rewiringPanel.ts";

const layer = (keptCount: number) => ({ keptCount, width: keptCount / 100, units: "f0" });

function eventsOf(changes: number): TimedRunEvent[] {
  const pruned = { method: "phew", requestedDensity: 0.2, density: 0.2, keptCount: 40, elapsedMs: 1 };
  const layers = [{ name: "a.weight", shape: [10, 20], count: 200, keptCount: 40, width: 1 }];
  return [
    { t: 1, kind: "run.started", name: "phew 20 %", config: { rule: "rigl" } },
    { t: 2, kind: "prune.finished", ...pruned, layers },
    ...Array.from({ length: changes }, (_, k) => ({
      t: 3 + k,
      kind: "rule.changed" as const,
      epoch: 1,
      step: 100 * k,
      change: k + 1,
      keptCount: 40,
      density: 0.2,
      droppedCount: 12 - k,
      grownCount: 12 - k,
      initialOverlap: 1 / (k + 1),
      everKept: 0.2 + 0.05 * k,
      aliveUnits: 0.9,
      layers: [layer(40 - k)],
    })),
  ];
}

const textOf = (rows: readonly (readonly { readonly text: string }[])[]) =>
  rows.map((row) => row.map(({ text }) => text).join("")).join("\n");

it("says what the last change did, and draws overlap and ever-kept share", () => {
  const run = reduceAll(eventsOf(4), initialRunState());
  const { title, rows } = rewiringContent(run, run.rewiring!, 60, 20);
  const text = textOf(rows);
  expect(title).toBe("Masks by rigl");
  expect(text).toContain("4, the last after step 300");
  expect(text).toContain("9 dropped, 9 grown");
  expect(text).toMatch(/overlap +25 %/);
  expect(text).toMatch(/kept at any time +35 %/);
  expect(rows).toHaveLength(20);
  expect(text).toContain("step");
});

it("shows trace and core after an epoch, the core only where there is one", () => {
  const measured = { changes: 4, density: 0.2, initialOverlap: 0.25, everKept: 0.35, pathKernelTrace: 1000 };
  const first = { t: 9, kind: "rule.measured" as const, epoch: 1, ...measured };
  const textAfter = (...events: TimedRunEvent[]) => {
    const run = reduceAll([...eventsOf(4), ...events], initialRunState());
    return { run, text: textOf(rewiringContent(run, run.rewiring!, 60, 20).rows) };
  };
  expect(textAfter(first).text).toMatch(/trace, log10 +3/);
  expect(textAfter(first).text).not.toContain("core");
  const { run, text } = textAfter({ ...first, coreSize: 9 }, { ...first, epoch: 2, coreSize: 1 });
  expect(text).toMatch(/0\.9-core +1 unit that 90 % of all paths pass/);
  expect(fullCurve(run.rewiring!.cores)).toEqual({ x: [1, 2], y: [9, 1] });
});

it("moves the layers of the mask, once for a change that a resumed run repeats", () => {
  const events = eventsOf(4);
  const run = reduceAll([...events, ...events.slice(-2)], initialRunState());
  expect(run.mask!.layers[0]).toMatchObject({ keptCount: 37, width: 0.37 });
  expect(run.rewiring!.overlaps.count).toBe(4);
});
