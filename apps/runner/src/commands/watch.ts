import { THEME_NAMES, VIEW_NAMES } from "@phew/dashboard/watch";
import type { Command } from "commander";

// nothing but this and the dashboard is loaded before the screen: it is there at once
export function declareWatch(program: Command): void {
  program
    .command("watch")
    .summary("the live screen of runs")
    .description(
      "Shows runs as they go, and finished ones, in the terminal; plain lines where there is none.",
    )
    .argument("[folder]", "a runs folder, an experiment or one run (default: runs)")
    .option("--once", "show how things stand, and stop")
    .option("--json", "with --once: one JSON document on standard output")
    .option("--plain", "lines instead of a screen")
    .option("--view <name>", `what the screen shows first: ${VIEW_NAMES.join(", ")}`)
    .option("--theme <name>", `colours: ${THEME_NAMES.join(", ")} (or PHEW_THEME)`)
    .option(
      "--ascii",
      "a screen without frames, blocks and braille (by itself where the locale has no UTF-8)",
    )
    .option("--no-ascii", "a screen with them, whatever the locale")
    .action(async (folder, options) => (await import("../verbs/watch.ts")).watch(folder, options));
}
