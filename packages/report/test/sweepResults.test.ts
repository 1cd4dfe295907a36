/** Results of sweeps, estimates, and the shares of cores. */

import { formatPercent, type RunStatus } from "@phew/runs";
import {
  describeSources,
  estimateRuns,
  makespan,
  type Settings,
  shareCores,
  type TaskState,
  type TaskStatus,
} from "@phew/runs/sweeps";
import { describe, expect, it } from "vitest";
import { formatTable, meanAndDeviation, sweepResults } from "../src/index.ts";

function done(settings: Settings, testAccuracy: number, state: TaskState = "finished"): TaskStatus {
  const summary = { phase: "finished", fraction: 1, density: 0.101, testAccuracy } as const;
  const status: RunStatus = {
    state: "finished",
    name: "x",
    pid: 1,
    host: "h",
    startedT: 123,
    updatedT: 456,
    summary,
  };
  return { task: { id: "x", name: "x", folder: "x", settings, command: [] }, state, status };
}

it("has a row for each configuration with mean, standard deviation and number of seeds", () => {
  const settings = { model: "lenet5", method: "phew", density: 0.1, epochs: 2 };
  const statuses = [
    done({ ...settings, seed: 0 }, 0.5),
    done({ ...settings, seed: 1 }, 0.75),
    done({ ...settings, seed: 2 }, 0.1, "failed"),
    done({ ...settings, density: 1, method: "dense", seed: 0 }, 0.9),
    done({ ...settings, epochs: 3, seed: 0 }, 0.2, "waiting"),
  ];
  const report = sweepResults(statuses, [
    { key: "model", always: true },
    { key: "dataset", always: true },
    { key: "method", always: true },
    { key: "density", always: true, format: formatPercent },
    { key: "epochs", title: "passes" },
    { key: "rate", title: "the same in all" },
  ]);
  expect(formatTable(report.columns, report.rows, "csv")).toBe(
    [
      "model,method,density,epochs,seeds,density_reached,test_accuracy_mean,test_accuracy_std",
      `lenet5,phew,0.1,2,2,0.101,0.625,${Math.sqrt(0.03125)}`,
      "lenet5,dense,1,2,1,0.101,0.9,",
      "lenet5,phew,0.1,3,0,,,",
      "",
    ].join("\n"),
  );
  const text = formatTable(report.columns, report.rows, "text");
  expect(text).toContain("62.5 %  17.7 %");
  expect(text.split("\n")[0]).toMatch(/^model +method +density +passes +seeds/);
  expect(text).toMatch(/dense +100 %/);
  // nothing of when and where
  expect(text).not.toMatch(/time|host/);
});

it("gives mean and sample standard deviation: 2, 4, 4, 4, 5, 5, 7, 9 have 5 and √(32/7)", () => {
  expect(meanAndDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ mean: 5, deviation: Math.sqrt(32 / 7) });
  expect(meanAndDeviation([3])).toEqual({ mean: 3 });
  expect(meanAndDeviation([])).toEqual({});
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
