/** Results of runs, estimates, and the shares of cores. */

import type { RunLife } from "@phew/runs";
import { describeSources, estimateRuns, makespan, shareCores } from "@phew/runs/sweeps";
import { describe, expect, it } from "vitest";
import { formatReport, formatTable, type ResultRun, resultsTable } from "../src/index.ts";

const BASE = { model: "lenet5", dataset: "glyphs", method: "phew", density: 0.1, epochs: 2 };

function done(settings: object, seed: number, testAccuracy: number, life: RunLife = "finished"): ResultRun {
  const config = { ...BASE, ...settings, seed };
  const summary = { phase: "finished", fraction: 1, density: 0.101, testAccuracy } as const;
  const hash = `${"method" in settings ? "d" : "epochs" in settings ? "e" : "a"}`.repeat(10);
  return { id: `${hash}-${seed}`, experiment: "x", config, life, summary };
}

it("have a row for each configuration with mean, interval, standard deviation and number of seeds", () => {
  const runs = [
    done({}, 0, 0.5),
    done({}, 1, 0.75),
    done({}, 2, 0.1, "failed"),
    done({ density: 1, method: "dense" }, 0, 0.9),
    done({ epochs: 3 }, 0, 0.2, "waiting"),
  ];
  const report = resultsTable(runs);
  const deviation = Math.sqrt(0.03125);
  const [head, both, ...others] = formatTable(report.columns, report.rows, "csv").trimEnd().split("\n");
  expect(head).toBe(
    "model,dataset,method,density,epochs,seeds,density_reached,test_accuracy_mean,test_accuracy_of,test_accuracy_interval,test_accuracy_std,id",
  );
  const cells = both!.split(",");
  expect(cells.slice(0, 9)).toEqual([
    "lenet5",
    "glyphs",
    "phew",
    "0.1",
    "2",
    "2",
    "0.101",
    "0.625",
    "last epoch",
  ]);
  // t of one degree of freedom is tan(0.475 π)
  expect(Number(cells[9])).toBeCloseTo((Math.tan(0.475 * Math.PI) * deviation) / Math.sqrt(2), 10);
  expect(Number(cells[10])).toBeCloseTo(deviation, 12);
  expect(cells.slice(11).join(",")).toBe('"aaaaaaaaaa-0,1,2"');
  expect(others).toEqual([
    "lenet5,glyphs,dense,1,2,1,0.101,0.9,last epoch,,,dddddddddd-0",
    "lenet5,glyphs,phew,0.1,3,0,,,last epoch,,,eeeeeeeeee-0",
  ]);
  const text = formatReport(report, "text").split("\n");
  expect(text[0]).toBe("lenet5 · glyphs");
  expect(text[2]).toMatch(
    /^method +density +epochs +seeds +density reached +test accuracy \(last epoch\) +± 95 % +std +runs$/,
  );
  expect(text[4]).toMatch(/^phew +10 % +2 +2 +10.1 % +62.5 % +158.8 % +17.7 % +aaaaaaaaaa-0,1,2$/);
  expect(formatReport(report, "markdown").split("\n")[0]).toBe("lenet5 · glyphs");
  // nothing of when and where
  expect(text.join("\n")).not.toMatch(/time|host/);
});

describe("estimates", () => {
  const work = (configuration: string, multiplyAdds: number, kind = "sparse") => ({
    configuration,
    kind,
    multiplyAdds,
    usualRate: 10,
  });

  it("take the same configuration's median first, then scale by work, then guess", () => {
    const estimate = estimateRuns(
      [work("a", 100), work("b", 200), work("c", 300, "tensorflow")],
      [1000, 3000, 2000].map((elapsedMs) => ({ work: work("a", 100), elapsedMs })),
    );
    expect(estimate.runMs).toEqual([2000, 4000, 30]);
    expect(estimate.sources).toEqual({ same: 1, scaled: 1, guessed: 1 });
    expect(describeSources(estimate)).toMatch(
      /1 from the same.*1 scaled.*from 3 finished.*1 from multiply-adds alone/,
    );
  });

  it("fill processes in turn", () => {
    expect(makespan([3, 3, 3], 2)).toBe(6);
    expect(makespan([5, 1, 1, 1], 2)).toBe(5);
    expect(makespan([], 4)).toBe(0);
  });
});

it.each([
  [8, 100, {}, 8, 1],
  [8, 2, {}, 2, 4],
  [8, 100, { threads: 3 }, 2, 3],
  [8, 100, { processes: 3 }, 3, 2],
  [8, 100, { processes: 16, threads: 2 }, 16, 2],
  [1, 1, { threads: 4 }, 1, 4],
])(
  "of %i cores for %i runs with %j: %i processes of %i threads",
  (cores, tasks, given, processCount, threadCount) => {
    expect(shareCores(cores, tasks, given)).toEqual({ processCount, threadCount });
  },
);

it("count a seed once that several runs have, in the mean and in the number of seeds", () => {
  const [first, second] = [done({}, 0, 0.5), done({}, 1, 0.75)];
  const copy = { ...first!, id: "copy" };
  for (const runs of [
    [first!, copy, second!],
    [{ ...copy, life: "failed" } as const, first!, second!],
  ])
    expect(resultsTable(runs).rows[0]).toMatchObject({ seeds: 2, test_accuracy_mean: 0.625 });
});
