/** Whether what was seen of the runs changes the screen. */
import type { DashboardAction } from "./actions.ts";
import type { DashboardState } from "./dashboardState.ts";

type Seen = Extract<DashboardAction, { readonly kind: "watched" }>;

export function isNews(
  before: DashboardState,
  { runs, isListed, sweeps, notes, overlays = [], shown, now }: Seen,
): boolean {
  // estimates count down by the second, the clock by the minute
  const tick = runs.some((run) => run.life === "running") ? 1000 : 60_000;
  return (
    runs !== before.runs ||
    isListed !== before.isListed ||
    sweeps !== before.sweeps ||
    notes !== before.notes ||
    shown?.state !== before.shown?.state ||
    shown?.loaded !== before.shown?.loaded ||
    shown?.units !== before.shown?.units ||
    shown?.output !== before.shown?.output ||
    overlays.length !== before.overlays.length ||
    overlays.some(({ state }, k) => state !== before.overlays[k]?.state) ||
    Math.floor(now / tick) !== Math.floor(before.now / tick)
  );
}
