/** Clicks and the wheel, by what stands on the frame where they are. */
import { describe, expect, it } from "vitest";
import type { DashboardState } from "../src/dashboardState.ts";
import { frameRows } from "../src/frame.ts";
import { actionOf } from "../src/keyActions.ts";
import type { MousePress } from "../src/keys.ts";
import { mouseActions } from "../src/mouse.ts";
import { rowText } from "../src/styledText.ts";
import { update } from "../src/update.ts";
import { VIEWS } from "../src/views/registry.ts";
import { busyDashboard } from "./fakeStates.ts";

const SIZES = [
  [200, 60],
  [120, 40],
  [100, 30],
  [80, 24],
  [60, 20],
] as const;

/** The state after the mouse did something at a text of the frame, `right` columns right of its start. */
function did(
  what: MousePress["what"],
  state: DashboardState,
  [columns, rows]: readonly [number, number],
  pattern: RegExp,
  right = 0,
): DashboardState {
  const lines = frameRows(state, columns, rows).map(rowText);
  const row = lines.findIndex((line) => pattern.test(line));
  expect(row, `${pattern} in\n${lines.join("\n")}`).toBeGreaterThanOrEqual(0);
  const column = lines[row]!.search(pattern) + right;
  return mouseActions(state, { what, column, row }, columns, rows).reduce(update, state);
}

const view = (key: string) => update(busyDashboard(), actionOf(busyDashboard(), { name: key })!);

describe.each(SIZES)("at %i × %i", (columns, rows) => {
  const size = [columns, rows] as const;

  it("a click on the name of a view shows it", () => {
    for (const { key, name } of VIEWS) {
      const start = { ...busyDashboard(), view: VIEWS[name === "log" ? 0 : 6]! };
      expect(did("click", start, size, new RegExp(`(?<= )${key}(?= |$)`)).view.name).toMatch(
        new RegExp(`^${name}\\b`),
      );
    }
    expect(
      mouseActions(busyDashboard(), { what: "click", column: size[0] - 1, row: 0 }, size[0], size[1]),
    ).toEqual([]);
  });

  it("a click on a run puts the cursor there, and the list follows no more", () => {
    for (const key of ["6", "1"]) {
      const start = { ...view(key), follow: true };
      const after = did("click", start, size, /[✗?] (lenet5|magnitude|random)/, 4);
      expect(["failed", "lost"]).toContain(start.runs.find(({ folder }) => folder === after.selected)?.life);
      expect(after).toMatchObject({ follow: false, focus: "runs" });
    }
  });

  it("a click on a panel gives it the keys, and the wheel moves in it", () => {
    const log = did("click", { ...view("6"), focus: "runs" }, size, / Log /, 1);
    expect(log.focus).toBe("log");
    const up = did("wheelUp", { ...view("6"), focus: "runs" }, size, / Log /, 1);
    expect(up).toMatchObject({ focus: "log", logOffset: 3 });
    expect(did("wheelDown", up, size, / Log /, 1).logOffset).toBe(0);
    const settings = did("wheelDown", view("7"), size, / Settings /, 1);
    expect(settings.settingOffset).toBe(3);
  });
});

it("a click on a curve puts the cursor under it, and the wheel zooms there", () => {
  const start = { ...view("3"), focus: "runs" as const };
  for (const size of SIZES.slice(0, 3))
    for (const chart of [/ Loss /, / Accuracy /, / Images per second /]) {
      if (size[1] < 40 && chart.source.includes("Images")) continue;
      const lines = frameRows(start, size[0], size[1]).map(rowText);
      const top = lines.findIndex((line) => chart.test(line));
      const left = lines[top]!.search(chart);
      const corner = lines.findIndex((line, k) => k > top && line.indexOf("└", left) > left);
      const axis = lines[corner]!;
      const first = axis.lastIndexOf("└");
      const last = axis.lastIndexOf("─");
      for (const column of [first + 1, first + 9, Math.floor((first + last) / 2), last - 1]) {
        const at = { column, row: corner - 1 };
        const clicked = mouseActions(start, { what: "click", ...at }, size[0], size[1]).reduce(update, start);
        expect(clicked.focus).toBe("curves");
        const after = frameRows(clicked, size[0], size[1]).map(rowText)[corner]!;
        // steps are fewer than columns here: the next one
        expect(Math.abs(after.lastIndexOf("┴") - column)).toBeLessThanOrEqual(3);
        const zoomed = mouseActions(start, { what: "wheelUp", ...at }, size[0], size[1]).reduce(
          update,
          start,
        );
        expect(zoomed.curveStep).toBe(clicked.curveStep);
        const [from, to] = zoomed.curveRange!;
        expect(from <= zoomed.curveStep! && to >= zoomed.curveStep!).toBe(true);
      }
    }
});

it("a click on a layer puts the cursor there", () => {
  const start = view("4");
  for (const name of ["layer1.0.conv2", "conv1"]) {
    const layers = start.shown!.state.mask!.layers;
    const after = did("click", start, SIZES[1], new RegExp(` ${name.replaceAll(".", "\\.")} `), 2);
    expect(after.focus).toBe("layers");
    expect(layers[after.layerCursor]!.name).toMatch(new RegExp(`^${name}\\b`));
  }
});

it("does nothing while something is asked or typed, and closes the help", () => {
  const at: MousePress = { what: "click", column: 20, row: 0 };
  expect(mouseActions({ ...busyDashboard(), asking: true }, at, 120, 40)).toEqual([]);
  expect(mouseActions({ ...busyDashboard(), prompt: { kind: "jump", text: "" } }, at, 120, 40)).toEqual([]);
  expect(mouseActions({ ...busyDashboard(), help: true }, at, 120, 40)).toEqual([{ kind: "helpToggled" }]);
  expect(mouseActions(busyDashboard(), at, 30, 8)).toHaveLength(0);
});
