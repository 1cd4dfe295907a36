import type { Command } from "commander";
import * as parse from "../parse.ts";
import { option, withModel } from "./options.ts";

export function declareExport(program: Command): void {
  withModel(program.command("export"))
    .summary("a masked model as a file that other programs load")
    .description(
      "Writes a masked model as .safetensors, .npz, TensorFlow.js model.json or, where it came from one, .onnx.",
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them").makeOptionMandatory())
    .addOption(option("--out <file>", "the ending says the format").makeOptionMandatory())
    .addOption(
      option(
        "--form <form>",
        "masks, original+masks (as torch.nn.utils.prune), zeroed, compact (dead units cut out)",
      )
        .argParser(parse.oneOf("--form", ["masks", "original+masks", "zeroed", "compact"]))
        .default("zeroed"),
    )
    .addOption(
      option("--layout <layout>", "order of axes of named tensors: torch, tensorflow").argParser(
        parse.oneOf("--layout", ["torch", "tensorflow"]),
      ),
    )
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew export model.onnx --masks masks.safetensors --form compact --out small.onnx
  phew export resnet20 --masks masks.safetensors --form original+masks --out pruned.safetensors`,
    )
    .action(async (model, options) => (await import("../verbs/export.ts")).exportMasked(model, options));
}
