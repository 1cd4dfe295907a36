import type { Command } from "commander";
import { option } from "./options.ts";

export function declareWatch(program: Command): void {
  program
    .command("watch")
    .summary("the live screen of runs")
    .description(
      "Shows runs as they go, and finished ones, in the terminal; plain lines where there is none.",
    )
    .argument("[folder]", "a runs folder, an experiment or one run", "runs")
    .addOption(option("--once", "show how things stand, and stop"))
    .addOption(option("--plain", "lines instead of a screen"))
    .addOption(option("--ascii", "a screen without frames, blocks and braille"))
    .action(async (folder, options) => (await import("../verbs/watch.ts")).watch(folder, options));
}
