/** What a click or the wheel does, by what stands there. */
import type { DashboardAction } from "./actions.ts";
import type { DashboardState, PlacedPanel } from "./dashboardState.ts";
import { viewAt } from "./head.ts";
import type { MousePress } from "./keys.ts";
import { layoutFor } from "./layout.ts";
import { drawnPanel } from "./panel.ts";

/** Rows that one turn of the wheel moves. */
const WHEEL_ROWS = 3;

/**
 * @param columns, rows size of the terminal
 * @returns what it does, in order; nothing where no panel is, and while something is asked or typed
 */
export function mouseActions(
  state: DashboardState,
  { what, column, row }: MousePress,
  columns: number,
  rows: number,
): readonly DashboardAction[] {
  if (state.help)
    return [
      what === "click" ? { kind: "helpToggled" } : { kind: "helpTurned", by: what === "wheelUp" ? -1 : 1 },
    ];
  if (state.asking || state.prompt || state.filtering) return [];
  if (layoutFor(state, columns, rows).kind === "line") return [];
  if (row === 0) {
    const view = what === "click" ? viewAt(state, columns, column) : undefined;
    return view ? [{ kind: "viewChosen", view }] : [];
  }
  const place = placeAt(state, column, row, columns, rows);
  if (!place) return [];
  const { panel } = place.placed;
  const focus: readonly DashboardAction[] =
    panel.focus === undefined || panel.focus === state.focus ? [] : [{ kind: "focused", panel: panel.focus }];
  const choice = choiceAt(state, place);
  if (what === "click") return choice ? [choice] : focus;
  const by = what === "wheelUp" ? -1 : 1;
  if (panel.focus === undefined) return [];
  if (panel.focus !== "curves") return [...focus, { kind: "moved", by: WHEEL_ROWS * by }];
  return [...(choice ? [choice] : focus), { kind: "magnified", by: by < 0 ? 1 : -1 }];
}

/** A panel, and a place inside it, from 0; negative, or beyond it, on a border. */
interface PanelPlace {
  readonly placed: PlacedPanel;
  readonly column: number;
  readonly row: number;
}

function placeAt(
  state: DashboardState,
  column: number,
  row: number,
  columns: number,
  rows: number,
): PanelPlace | undefined {
  const layout = layoutFor(state, columns, rows);
  if (layout.kind === "line") return undefined;
  let left = 0;
  for (const panels of layout.columns) {
    const width = widthOf(panels[0] ?? []);
    let top = 1;
    for (const besides of panels) {
      let start = left;
      for (const placed of besides) {
        const isHere =
          column >= start && column < start + placed.width && row >= top && row < top + placed.height;
        if (isHere) return { placed, column: column - start - 2, row: row - top - 1 };
        start += placed.width;
      }
      top += besides[0]?.height ?? 0;
    }
    left += width;
  }
  return undefined;
}

const widthOf = (panels: readonly PlacedPanel[]) => panels.reduce((sum, { width }) => sum + width, 0);

function choiceAt(state: DashboardState, { placed, column, row }: PanelPlace): DashboardAction | undefined {
  const { panel, width, height } = placed;
  if (column < 0 || row < 0 || row >= height - 2) return undefined;
  return drawnPanel(panel, state, width - 4, height - 2).choiceAt?.(row, column);
}
