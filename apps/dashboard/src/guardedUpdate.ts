/** Actions of keys that fail: a mistake in one of them ends neither the screen nor the runs. */
import { describeFailure } from "@phew/runs";
import type { DashboardAction } from "./actions.ts";
import type { DashboardState } from "./dashboardState.ts";
import { update } from "./update.ts";

/** The state after the action; if it fails the state as it was, with a notice that says why. */
export function guardedUpdate(state: DashboardState, action: DashboardAction): DashboardState {
  try {
    return update(state, action);
  } catch (error) {
    return { ...state, notice: failureNotice(error) };
  }
}

export function failureNotice(error: unknown): string {
  return `this could not be done: ${describeFailure(error).message}`;
}
