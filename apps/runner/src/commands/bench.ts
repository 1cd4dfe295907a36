import type { Command } from "commander";
import { printWarnings } from "../output/output.ts";
import * as parse from "../parse.ts";
import { settingOption, withSettings } from "../settings/commandLine.ts";
import { option, withRenamed } from "./options.ts";

export function declareBench(program: Command): void {
  const bench = program
    .command("bench")
    .summary("how fast: training, predictions, masks, beside PyTorch and others")
    .description(
      "Measures speed on this machine, as ratios to something else in alternating rounds of one run.",
    )
    .addHelpText(
      "after",
      `
Examples:
  phew bench train resnet20 --method phew --density 0.05 --batch-size 128 --threads 2 --baseline torch
  phew bench train net.onnx --density 0.05 --baseline torch
  phew bench predict resnet20 --density 0.05 --batch-size 1,64
  phew bench prune vgg19-bn --density 0.05
  phew bench layer --shape 16x32x32-16 --density 0.05 --batch-size 64 --threads 1`,
    );
  withBatchSize(withBenchSettings(withBenchModel(bench.command("train"))), 128)
    .summary("whole steps of training: forward, loss, backward, update")
    .description("Times steps of training of a pruned network against the dense one on something else.")
    .addHelpText(
      "after",
      `
Examples:
  phew bench train resnet20 --method phew --density 0.05 --batch-size 128 --threads 2 --baseline torch --json
  phew bench train vgg19-bn --density 0.02 --batch-size 64 --baseline tfjs
  phew bench train mlp --density 0.05 --baseline none --markdown`,
    )
    .action(async (model, options) =>
      (await import("../verbs/bench.ts")).benchTraining(withModel(model, options)),
    );
  withRenamed(
    withBenchSettings(withBenchModel(bench.command("predict"))),
    "--batch <sizes>",
    option("--batch-size <sizes>", "images at a time, one or several")
      .argParser(parse.wholeNumbers("--batch-size", 1, 65_536))
      .default([1, 64], "1,64"),
  )
    .summary("outputs of a batch")
    .description("Times predictions of a pruned network against the dense one on something else.")
    .addHelpText(
      "after",
      "\nExample:\n  phew bench predict resnet20 --density 0.05 --batch-size 1,64 --threads 2",
    )
    .action(async (model, options) =>
      (await import("../verbs/bench.ts")).benchPrediction(withModel(model, options)),
    );
  declareLayer(bench);
  declarePrune(bench);
}

function declareLayer(bench: Command): void {
  withBatchSize(withBenchSettings(bench.command("layer")), 64)
    .summary("one layer alone")
    .description("Times a step of training of one layer, its weights kept at random.")
    .addOption(
      option("--shape <in-out>", "channels x height x width and channels that come out, or features")
        .argParser(parse.layerShape)
        .makeOptionMandatory(),
    )
    .addOption(
      option("--kernel <k>", "side of the kernel")
        .argParser(parse.wholeNumber("--kernel", 1, 99))
        .default(3),
    )
    .addOption(
      option("--density <d>", "fraction of weights kept").argParser(parse.density("--density")).default(0.05),
    )
    .addHelpText(
      "after",
      `
Examples:
  phew bench layer --shape 16x32x32-16 --density 0.05 --batch-size 64 --threads 1
  phew bench layer --shape 784-300 --density 0.05 --threads 1 --baseline none`,
    )
    .action(async (options) => (await import("../verbs/bench.ts")).benchOneLayer(options));
}

function declarePrune(bench: Command): void {
  withBenchOutput(withBenchedModel(bench.command("prune")))
    .summary("a mask, against a plain linear scan or PyTorch")
    .description(
      "Times a method's masks on one thread: phew's against a plain walker of the same definition, synflow's\nagainst PyTorch on one thread where python3 has it, those of other methods alone.",
    )
    .addOption(option("--method <name>", "pruning method that needs no data").default("phew"))
    .addOption(settingOption("bench", "options"))
    .addOption(
      option("--density <d>", "fraction of weights kept").argParser(parse.density("--density")).default(0.05),
    )
    .addHelpText(
      "after",
      `
Examples:
  phew bench prune vgg19-bn --density 0.05
  phew bench prune resnet20 --method synflow --density 0.05`,
    )
    .action(async (model, options) =>
      (await import("../verbs/bench.ts")).benchPruning(withModel(model, options)),
    );
}

function withBenchModel(command: Command): Command {
  return withBenchedModel(command)
    .addOption(option("--method <name>", "pruning method, or dense").default("phew"))
    .addOption(
      option("--density <d>", "fraction of weights kept; 0.05 unless dense").argParser(
        parse.density("--density"),
      ),
    )
    .addOption(settingOption("bench", "options"));
}

function withBenchSettings(command: Command): Command {
  const baselines = ["torch", "tfjs", "tensorflow", "none"];
  return withSettings(withBenchOutput(command), "bench", "executor", "fastMath", "threads")
    .addOption(
      option("--baseline <name>", "torch, tfjs (its WebAssembly backend), tensorflow (tfjs-node) or none")
        .argParser(parse.oneOf("--baseline", baselines))
        .default("torch"),
    )
    .addOption(option("--mask-baseline", "the baseline multiplies its weights by the masks too"))
    .addOption(
      option("--round-seconds <s>", "least time of a round, of two steps at least")
        .argParser(parse.realNumber("--round-seconds", 0, 600))
        .default(1),
    );
}

function withBenchOutput(command: Command): Command {
  return command
    .addOption(
      option("--rounds <n>", "rounds of each")
        .argParser(parse.wholeNumber("--rounds", 1, 1000))
        .default(5),
    )
    .addOption(settingOption("bench", "seed"))
    .addOption(settingOption("bench", "quiet"))
    .addOption(option("--markdown", "a section with command, machine and date, for a page of figures"))
    .addOption(option("--json", "one JSON document on standard output"));
}

function withBatchSize(command: Command, initial: number): Command {
  return withRenamed(
    command,
    "--batch <n>",
    option("--batch-size <n>", "images at a time")
      .argParser(parse.wholeNumber("--batch-size", 1, 65_536))
      .default(initial),
  );
}

/** The network, whose name was an option in the last release. */
function withBenchedModel(command: Command): Command {
  const before = option("--model <name>", "name of the zoo").hideHelp();
  return command
    .argument("[model]", "name of the zoo, a model file, or the folder of a run (default: resnet20)")
    .addOption(
      option("--architecture <name>", "zoo name, or model file, of the network whose weights the file holds"),
    )
    .addOption(option("--input <shape>", "of a file that leaves it open").argParser(parse.shape))
    .addOption(option("--output <name>", "of a model file with several outputs, the one that is looked at"))
    .addOption(before)
    .on("option:model", () =>
      printWarnings([
        "--model stands behind the verb now, without a name; the next release does not know the option",
      ]),
    );
}

/** What is measured, with the network among the options. */
function withModel<O extends object>(model: string | undefined, options: O): O & { readonly model: string } {
  return { ...options, model: model ?? ("model" in options ? `${options.model}` : "resnet20") };
}
