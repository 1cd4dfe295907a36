import type { Command } from "commander";
import { option, withModel } from "./options.ts";

export function declareAnalyze(program: Command): void {
  withModel(program.command("analyze"))
    .summary("is this mask any good? widths, paths, path kernel trace")
    .description(
      "Measures masks: layer densities and widths, dead units, ineffective weights, paths, path kernel trace.",
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them; dense without"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText("after", "\nExample:\n  phew analyze resnet20 --masks masks.safetensors")
    .action(async (model, options) => (await import("../verbs/analyze.ts")).analyze(model, options));
}
