import { SEPARATE_MEASURES } from "@phew/core";
import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { maskOptions, option, withModel } from "./options.ts";

const SEPARATE = [...SEPARATE_MEASURES, "walks", "gradients", "ntk"];

export function declareAnalyze(program: Command): void {
  const [fromZeros, sameWeights] = maskOptions();
  withModel(program.command("analyze"), "analyze")
    .summary("is this mask any good? widths, paths, path kernel trace, overlaps")
    .description(
      "Measures masks: layer densities and widths, fans, dead units, collapsed layers, ineffective weights, paths, path kernel trace, walks through units, and how much several masks overlap.",
    )
    .addOption(
      option("--masks <files>", "masks as phew prune writes them, several by commas or again; dense without")
        .argParser(parse.files)
        .default([], "the dense network"),
    )
    .addOption(fromZeros)
    .addOption(sameWeights)
    .addOption(
      option("--without <measures>", `leave out what takes time: ${SEPARATE.join(", ")}`)
        .argParser(parse.severalOf("--without", SEPARATE))
        .default([], "nothing"),
    )
    .addOption(
      option(
        "--batch <file>",
        "examples as safetensors or npz, for the loss gradient and the neural tangent kernel",
      ),
    )
    .addOption(
      option("--probes <n>", "gradients that estimate the kernel's trace where there are many examples")
        .argParser(parse.wholeNumber("--probes", 2, 100_000))
        .default(16),
    )
    .addOption(settingOption("analyze", "threads"))
    .addOption(option("--histograms", "show how fan-in and fan-out are distributed in each layer"))
    .addOption(option("--trace-shares <file>", "write what each weight adds to the trace, as safetensors"))
    .addOption(option("--ascii", "draw with plain characters"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(settingOption("analyze", "quiet"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew analyze resnet20 --masks masks.safetensors
  phew analyze resnet20 --masks phew.safetensors,random.safetensors
  phew analyze resnet20 --masks masks.safetensors --batch batch.safetensors
  phew analyze vgg19-bn --masks masks.safetensors --without trace,path-sum`,
    )
    .action(async (model, options) => (await import("../verbs/analyze.ts")).analyze(model, options));
}
