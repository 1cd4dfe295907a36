import type { Command } from "commander";
import { executorOption, fastMathOption, maskOptions, option, threadsOption, withModel } from "./options.ts";

export function declarePredict(program: Command): void {
  const [fromZeros, sameWeights] = maskOptions();
  withModel(program.command("predict"))
    .summary("run a network on a batch: the proof that an import is faithful")
    .description("Computes the outputs of a network, masked or not, in evaluation mode.")
    .addOption(
      option("--batch <file>", "safetensors or npz with x, and y for the accuracy").makeOptionMandatory(),
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them, or a run's folder; dense without"))
    .addOption(fromZeros)
    .addOption(sameWeights)
    .addOption(option("--out <file>", "logits as safetensors"))
    .addOption(executorOption())
    .addOption(threadsOption())
    .addOption(fastMathOption())
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      "\nExample:\n  phew predict model.onnx --batch batch.safetensors --masks masks.safetensors --out logits.safetensors",
    )
    .action(async (model, options) => (await import("../verbs/predict.ts")).predict(model, options));
}
