/** The parts of the screen: a reducer over watcher results and keys, and frames as pure functions of its state. */

export type { DashboardAction } from "./actions.ts";
export { Dashboard, type DashboardProps } from "./dashboard.tsx";
export type { DashboardState, ShownRun, View } from "./dashboardState.ts";
export { frameRows } from "./frame.ts";
export { actionOf } from "./keyActions.ts";
export { KEY_BINDINGS, type KeyBinding, type KeyPress } from "./keys.ts";
export { paintedFrame } from "./paintedFrame.ts";
export { followPlain, printOnce } from "./plainWatch.ts";
export { RunWatcher } from "./runWatcher.ts";
export { frameSvg } from "./savedFrame.ts";
export type { Span, StyledRow } from "./styledText.ts";
export { FullScreen } from "./terminal.ts";
export { paletteOf, THEME_NAMES, type ThemeName } from "./themes.ts";
export { initialDashboard, update } from "./update.ts";
export { VIEWS, type ViewName, viewNamed } from "./views/registry.ts";
