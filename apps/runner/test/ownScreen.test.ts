/** What docs/runs.md says of screens of one's own, done from outside: nothing but the packages' exports and a run folder. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { actionOf, frameRows, initialDashboard, paintedFrame, RunWatcher, update } from "@phew/dashboard";
import { doneFraction, initialRunState, parseEventLine, reduce, walksPerSecond } from "@phew/runs";
import { expect, it } from "vitest";
import { phew, scratchFolder } from "./phew.ts";

it("the states of a run and of the screen can be built on by others", async () => {
  const root = scratchFolder();
  const { exitCode, stderr } = await phew(["prune", "lenet5", "--density", "0.1", "--runs", root]);
  expect(exitCode, stderr).toBe(0);

  // one's own view of a run: its events, folded
  const watcher = new RunWatcher(root);
  watcher.refresh(Date.now());
  const [run] = watcher.runs;
  let state = initialRunState();
  const fractions: number[] = [];
  for (const line of readFileSync(path.join(run!.folder, "events.jsonl"), "utf8").split("\n")) {
    const event = parseEventLine(line);
    if (event !== undefined) state = reduce(state, event);
    fractions.push(doneFraction(state));
  }
  expect(state).toMatchObject({ phase: "finished", name: "lenet5 phew 10 % seed 0" });
  expect(state.mask!.layers.map(({ name }) => name)).toHaveLength(5);
  expect(state.pruning!.layerProgress!.map(({ keptCount }) => keptCount)).toEqual(
    state.mask!.layers.map(({ keptCount }) => keptCount),
  );
  expect(walksPerSecond(state)).toBeGreaterThan(0);
  expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
  expect(fractions.at(-1)).toBe(1);

  // the screen without a terminal: what was found, a key, a frame
  const now = Date.now();
  const found = update(initialDashboard(root, now), {
    kind: "watched",
    runs: watcher.runs,
    now,
    shown: watcher.follow(run!.folder),
  });
  const pruning = update(found, actionOf(found, { name: "2", text: "2" })!);
  const frame = paintedFrame(frameRows(pruning, 100, 30), false);
  expect(frame.split("\n")).toHaveLength(29);
  expect(frame).toContain("Pruning by phew");
  expect(frame).toContain("┃ 10 % asked, ┊ expected");
});
