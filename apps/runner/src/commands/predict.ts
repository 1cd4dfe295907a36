import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { maskOptions, option, withModel } from "./options.ts";

export function declarePredict(program: Command): void {
  const [fromZeros, sameWeights] = maskOptions();
  withModel(program.command("predict"), "predict")
    .summary("run a network on a batch: the proof that an import is faithful")
    .description("Computes the outputs of a network, masked or not, in evaluation mode.")
    .addOption(
      option("--batch <file>", "safetensors or npz with x, and y for the accuracy").makeOptionMandatory(),
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them, or a run's folder; dense without"))
    .addOption(fromZeros)
    .addOption(sameWeights)
    .addOption(
      option("--scale <factor>", "what x is multiplied by, such as 1/255 for pixels of 0 … 255").argParser(
        parse.factor("--scale"),
      ),
    )
    .addOption(
      option(
        "--compare <file>",
        "outputs that another program computed (logits, out, or under the output's name), or the word onnxruntime",
      ),
    )
    .addOption(
      option(
        "--tolerance <t>",
        "exit code 1 where a difference from --compare exceeds this fraction of the largest expected value",
      ).argParser(parse.factor("--tolerance")),
    )
    .addOption(option("--out <file>", "outputs as safetensors: logits, or several under their names"))
    .addOption(settingOption("predict", "executor"))
    .addOption(settingOption("predict", "threads"))
    .addOption(settingOption("predict", "fastMath"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(settingOption("predict", "quiet"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      "\nExample:\n  phew predict model.onnx --batch batch.safetensors --masks masks.safetensors --out logits.safetensors\n  phew predict model.onnx --batch batch.safetensors --compare onnxruntime --tolerance 1e-5",
    )
    .action(async (model, options) => (await import("../verbs/predict.ts")).predict(model, options));
}
