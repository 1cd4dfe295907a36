import type { Command } from "commander";
import * as parse from "../parse.ts";
import { maskOptions, option, withModel } from "./options.ts";

export function declareExport(program: Command): void {
  const [fromZeros, sameWeights] = maskOptions();
  withModel(program.command("export"), "export")
    .summary("a masked model as a file that other programs load")
    .description(
      "Writes a masked model as .safetensors, .npz, .onnx or TensorFlow.js model.json. A run's folder is a model with masks.",
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them, or a run's folder"))
    .addOption(fromZeros)
    .addOption(sameWeights)
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
    .addOption(option("--prune-embeddings", "the masks are of tables of embeddings too"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew export model.onnx --masks masks.safetensors --form compact --out small.onnx
  phew export resnet20 --masks masks.safetensors --form original+masks --out pruned.safetensors
  phew export runs/train/6c47abdcca-0 --form compact --out small.onnx
  phew export trained.pt --architecture model.onnx --masks masks.safetensors --form compact --out small.onnx`,
    )
    .action(async (model, options) => (await import("../verbs/export.ts")).exportMasked(model, options));
}
