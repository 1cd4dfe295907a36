import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option, withRenamed } from "./options.ts";

export function declareDemo(program: Command): void {
  const command = program
    .command("demo")
    .summary("the main job on the embedded data: prune by five methods, train, compare")
    .description(
      "Prunes a small VGG by PHEW, uniform walks, SynFlow, magnitude and at random, trains each and the dense one on glyphs with four seeds, and compares means and standard deviations.",
    )
    .addOption(settingOption("demo", "seed"))
    .addOption(settingOption("demo", "runs"))
    .addOption(settingOption("demo", "watch"))
    .addOption(settingOption("demo", "quiet"))
    .addOption(settingOption("demo", "strict"))
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (options) => (await import("../verbs/demo.ts")).demo(options));
  withRenamed(
    command,
    "--processes <n>",
    option("--workers <n>", "runs at the same time").argParser(parse.wholeNumber("--workers", 1, 64)),
  );
}
