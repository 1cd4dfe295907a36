export { Dashboard, type DashboardProps } from "./dashboard.tsx";
export {
  type DashboardAction,
  type DashboardState,
  initialDashboard,
  update,
} from "./dashboardState.ts";
export { followPlain, printOnce } from "./plainWatch.ts";
export { RunWatcher } from "./runWatcher.ts";
