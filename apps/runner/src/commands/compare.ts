import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option, withRenamed, withUnseededModel } from "./options.ts";

export function declareCompare(program: Command): void {
  const command = withUnseededModel(program.command("compare"))
    .summary("masks of many methods side by side: measures and figures")
    .description(
      "Prunes a network by several methods at several densities and seeds, and sets the measures of the masks side by side: path kernel trace, widths, ineffective weights, collapsed layers.",
    );
  withRenamed(
    command,
    "--methods <names>",
    option(
      "--method <names>",
      "methods by commas, with options and a check: phew,phew:bias=square,synflow+shuffle",
    ).default("phew,uniform-walk,magnitude,random,uniform,erk"),
  );
  withRenamed(
    command,
    "--densities <d>",
    option("--density <d>", "fractions of weights kept, by commas")
      .argParser(parse.densities)
      .default([0.1, 0.05, 0.02], "0.1,0.05,0.02"),
  );
  withRenamed(
    command,
    "--seeds <n>",
    option("--seed <n>", "seeds of weights and methods: 0..4, or 0,3,7")
      .argParser(parse.seeds)
      .default([0], "0"),
  );
  command
    .addOption(
      option("--batch <file>", "examples for methods that look at some: safetensors or npz with x and y"),
    )
    .addOption(settingOption("compare", "dataset"))
    .addOption(settingOption("compare", "dataDir"))
    .addOption(option("--overlaps", "how much the methods' masks overlap, beside chance"))
    .addOption(option("--out <folder>", "where the tables and figures go"))
    .addOption(option("--runs <folder>", "keep each mask as a run in this folder: events and masks"))
    .addOption(option("--watch", "the live screen meanwhile; the masks are kept in --runs, or in runs"))
    .addOption(
      option("--workers <n>", "threads that prune; one a core unless given").argParser(
        parse.wholeNumber("--workers", 1, 256),
      ),
    )
    .addOption(settingOption("compare", "quiet"))
    .addOption(option("--ascii", "draw with plain characters"))
    .addOption(settingOption("compare", "limit"))
    .addOption(settingOption("compare", "strict"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew compare resnet20 --method phew,random,synflow --density 0.1,0.02 --seed 0..4 --out comparison
  phew compare resnet20 --method synflow,synflow+shuffle,synflow+widen:fraction=0.5 --overlaps`,
    )
    .action(async (model, { method, density, seed, ...options }) =>
      (await import("../verbs/compare.ts")).compare(model, {
        ...options,
        methods: method,
        densities: density,
        seeds: seed,
      }),
    );
}
