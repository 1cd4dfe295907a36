/** The page of a report: whole in itself, safe whatever files hold, and with numbers computed by hand. */
import { type HtmlReport, htmlReport, methodColours } from "@phew/report";
import { initialRunState, type RunRecord, reduceAll, summarise, type TimedRunEvent } from "@phew/runs";
import { describe, expect, it } from "vitest";
import { darkColour } from "../src/html/darkColours.ts";

function run(method: string, seed: number, accuracy: number, more: object = {}): RunRecord {
  const config = { model: "lenet5", dataset: "glyphs", method, density: 0.1, seed, epochs: 1, ...more };
  const result = { loss: 1, accuracy: 0.5, testLoss: 1, rate: 0.1, elapsedMs: 1000 };
  const events: TimedRunEvent[] = [
    { t: Date.UTC(2026, 0, 2, 3, 4), kind: "run.started", name: method, config },
    { t: Date.UTC(2026, 0, 2, 3, 5), kind: "train.epoch", epoch: 1, ...result, testAccuracy: accuracy },
  ];
  const state = reduceAll(events);
  return {
    ...{ folder: `runs/e/${method}-${seed}`, experiment: "e", id: `${method}-${seed}`, name: method, config },
    ...{ life: "finished", summary: summarise(state, 0), updatedT: 0, skippedCount: 0 },
    state,
  };
}

const runs = [run("phew", 0, 0.8), run("phew", 1, 0.9), run("random", 0, 0.5), run("random", 1, 0.7)];

const environment = {
  ...{
    version: "0.1.0",
    node: "20.20.2",
    v8: "11.3",
    platform: "linux",
    release: "6.1",
    architecture: "x64",
  },
  ...{ cpu: "A processor", coreCount: 2, memoryBytes: 8e9, commit: "abc", modified: true },
};

const page = async (more: Partial<HtmlReport> = {}) =>
  await htmlReport({
    ...{ runs, targetAccuracy: 0.9, figures: false, sweeps: [], commands: [], notes: [] },
    environments: (more.runs ?? runs).map(() => [environment]),
    ...more,
  });

/** Cells of the rows of a section's tables. */
function rowsOf(html: string, section: string): string[][] {
  const own = html.split(`<section id="${section}">`)[1]!.split("</section>")[0]!;
  return [...own.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
    [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell!),
  );
}

describe("the page", () => {
  it("has means, intervals and deviations over seeds, and what varies as columns", async () => {
    const html = await page();
    // 80 and 90: deviation √50 = 7.07, interval 12.706 · 7.07 / √2 = 63.5; 50 and 70: twice that
    expect(rowsOf(html, "results")).toEqual([
      ["method", "seeds", "density reached", "test accuracy (last epoch)", "± 95 %", "std", "runs"],
      ["phew", "2", "–", "85.0 %", "63.5 %", "7.1 %", "phew-0,1"],
      ["random", "2", "–", "60.0 %", "127.1 %", "14.1 %", "random-0,1"],
    ]);
    const rows = rowsOf(html, "runs");
    expect(rows.map((cells) => [cells[0], cells[1], cells[2], cells.at(-2), cells.at(-1)])).toEqual([
      ["run", "method", "seed", "test accuracy (last epoch)", "epochs to 90 %"],
      ["phew-0", "phew", "0", "80.0 %", "–"],
      ["phew-1", "phew", "1", "90.0 %", "1"],
      ["random-0", "random", "0", "50.0 %", "–"],
      ["random-1", "random", "1", "70.0 %", "–"],
    ]);
    expect(html).toContain("<h1>e: report of 4 runs</h1>");
    expect(html).toContain("<p>lenet5 · glyphs · density 10 % · epochs 1</p>");
    expect(html).toContain("carried out from 2026-01-02 03:04 UTC to 2026-01-02 03:05 UTC");
  });

  it("tells what all share once, setting by setting, and which of it is a default", async () => {
    const rows = rowsOf(await page(), "configuration");
    expect(rows.slice(0, 3)).toEqual([
      ["configuration", "method", "seeds"],
      ["phew", "phew", "0, 1"],
      ["random", "random", "0, 1"],
    ]);
    expect(rows).toContainEqual(["model", "lenet5", ""]);
    expect(rows).toContainEqual(["density", "10 %", ""]);
    expect(rows).toContainEqual(["epochs", "1", ""]);
    expect(rows).toContainEqual(["momentum", "0.9", "default"]);
    expect(rows.filter(([title]) => title === "method")).toEqual([]);
  });

  it("counts environments that differ, and names the runs' commands", async () => {
    const other = { ...environment, cpu: "Another", threadCount: 4 };
    const html = await page({
      environments: [[environment], [environment, other], [environment], []],
      commands: ["phew train lenet5 --seed 0", undefined, "phew train 'a b'", undefined],
      sweeps: [{ command: "phew sweep e.json", file: '{ "seeds": 2 }' }],
    });
    const rows = rowsOf(html, "environment");
    expect(rows[0]).toEqual(["", "3 runs", "1 run"]);
    expect(rows).toContainEqual(["processor", "A processor", "Another"]);
    expect(rows).toContainEqual(["commit", "abc, modified", "abc, modified"]);
    expect(rows).toContainEqual(["threads of a run", "one for each core", "4"]);
    expect(html).toContain("# phew-0\nphew train lenet5 --seed 0\n# random-0\nphew train &#39;a b&#39;");
    expect(html).toContain("<code>phew sweep e.json</code>");
    expect(html).toContain("{ &quot;seeds&quot;: 2 }");
  });

  it("has a table of what was not finished, with the reasons", async () => {
    const reason = 'diverged: "conv2" <is>';
    const html = await page({
      unfinished: [
        { id: "a-1", configuration: "phew · rate 9", seed: 1, state: "failed", reason },
        { id: "b-0", configuration: "phew · rate 9", state: "lost" },
      ],
    });
    expect(rowsOf(html, "unfinished")).toEqual([
      ["configuration", "seed", "state", "reason", "run"],
      ["phew · rate 9", "1", "failed", "diverged: &quot;conv2&quot; &lt;is&gt;", "a-1"],
      ["phew · rate 9", "–", "lost", "–", "b-0"],
    ]);
    expect(html).toContain("2 runs of 1 configuration: in no mean and in no figure.");
    expect(await page()).not.toContain('id="unfinished"');
  });

  it("needs nothing beside it, and is the same for the same runs", async () => {
    const html = await page({ figures: true });
    expect(html).toBe(await page({ figures: true }));
    // but for the names of XML's own vocabularies
    const links = html
      .replaceAll("http://www.w3.org/", "")
      .match(/https?:|\bsrc=|<script|@import|url\(|<link/g);
    expect(links).toBeNull();
    expect([...html.matchAll(/<figure id="([^"]+)"/g)].map(([, name]) => name)).toEqual([
      "accuracy-over-density",
      "learning-curves",
      "loss-curves",
      "accuracy-against-time",
    ]);
    expect(html.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(8);
    // the text of a page of 390 pixels has 358, for which they shrink to five sixths at most
    const narrow = [...html.matchAll(/<div class="phone"><svg [^>]*?width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(narrow).toHaveLength(4);
    for (const width of narrow) expect(width).toBeLessThanOrEqual(430);
    expect(html).not.toMatch(/fill="white"|NaN|undefined/);
    for (const rule of ["prefers-color-scheme: dark", "@media print", "max-width:40rem"])
      expect(html).toContain(rule);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("takes texts of files as texts", async () => {
    const evil = `<img src=x onerror=alert(1)> & "'\u0007`;
    const bad = [run(evil, 0, 0.5, { dataset: evil }), run("phew", 0, 0.5, { dataset: evil })].map(
      (each) => ({
        ...each,
        experiment: evil,
        state: { ...each.state, failure: evil },
      }),
    );
    const html = await page({
      runs: bad,
      figures: true,
      environments: [[{ ...environment, cpu: evil, node: { a: [evil] } as unknown as string }], []],
      commands: [evil, undefined],
      sweeps: [{ command: evil, file: evil }],
      notes: [evil],
    });
    expect(html).not.toContain("<img");
    expect(html).not.toContain("\u0007");
    expect(html.match(/&lt;img/g)!.length).toBeGreaterThan(10);
  });

  it("is made of a run of which nothing is known, too", async () => {
    const [first] = runs as [RunRecord];
    const html = await page({ runs: [{ ...first, config: {}, state: initialRunState("n") }], figures: true });
    expect(html).not.toMatch(/<figure|undefined|NaN/);
    expect(html).toContain("report of 1 run<");
  });
});

it("has colours on a dark page that stand out from it and from each other", () => {
  const known = ["dense", "phew", "uniform-walk", "magnitude", "random", "uniform", "erk"];
  const methods = [...known, "snip", "grasp", "synflow", "synflow-l2"];
  const dark = methodColours(methods).map(darkColour);
  expect(new Set(dark).size).toBe(methods.length);
  // WCAG's relative luminance
  const luminance = (colour: string) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, k) => {
      const value = Number.parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16) / 255;
      return sum + weight * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    }, 0);
  for (const colour of dark)
    expect((luminance(colour) + 0.05) / (luminance("#14171d") + 0.05), colour).toBeGreaterThanOrEqual(4);
});
