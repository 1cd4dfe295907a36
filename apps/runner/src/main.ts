/** The command `phew`: declares the verbs; each loads its own code when it is called. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { describeFailure, EXIT } from "./failure.ts";
import * as parse from "./parse.ts";

/** Runs the command line. Sets `process.exitCode`: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function main(args: readonly string[]): Promise<void> {
  // a reader that closes the pipe early (head, less) is not a failure
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
    throw error;
  });
  try {
    await buildProgram().parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
      return;
    }
    const { message, exitCode } = describeFailure(error);
    process.stderr.write(`phew: ${message}\n`);
    process.exitCode = exitCode;
  }
}

function buildProgram(): Command {
  const program = new Command("phew")
    .description("Finds a sparse neural network before training it, by walking it.")
    .version(
      (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string })
        .version,
    )
    .showHelpAfterError("(phew --help, or phew <verb> --help, shows how)")
    .addHelpText(
      "after",
      `
<model> is a name of the zoo (phew zoo) or a file: .onnx, .safetensors or .npz or .pt with --architecture, a tfjs model.json.

Examples:
  phew prune resnet20 --density 0.05 --seed 1 --out masks.safetensors
  phew analyze resnet20 --masks masks.safetensors
  phew train lenet5 --dataset glyphs --method phew --density 0.05 --epochs 4
  phew watch`,
    );

  withModel(program.command("prune"))
    .summary("find a sparse network: weights in, masks out")
    .description("Prunes a network at initialisation and writes which weights are kept.")
    .addOption(option("--method <name>", "pruning method; phew prune --methods lists them").default("phew"))
    .addOption(
      option("--density <d>", "fraction of weights kept, or several: 0.1,0.05").argParser(parse.densities),
    )
    .addOption(
      option("--option <name=value>", "option of the method; may be repeated")
        .argParser(parse.assignments)
        .default({}),
    )
    .addOption(option("--from <masks>", "weights kept in any case: the mask grows from these"))
    .addOption(option("--out <file>", "masks as safetensors; {density} stands for each of several densities"))
    .addOption(option("--scores <file>", "scores as safetensors, for methods that score"))
    .addOption(option("--layers", "show every layer"))
    .addOption(option("--methods", "list the methods and their options, and stop"))
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew prune resnet20 --density 0.05 --seed 1 --out masks.safetensors
  phew prune vgg19-bn --density 0.1,0.05,0.02 --out masks-{density}.safetensors
  phew prune model.onnx --density 0.05 --option granularity=kernel --out masks.safetensors
  phew prune weights.safetensors --architecture resnet18 --classes 100 --density 0.02 --out masks.safetensors`,
    )
    .action(async (model, options) => (await import("./verbs/prune.ts")).prune(model, options));

  withModel(program.command("analyze"))
    .summary("is this mask any good? widths, paths, path kernel trace")
    .description(
      "Measures masks: layer densities and widths, dead units, ineffective weights, paths, path kernel trace.",
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them; dense without"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText("after", "\nExample:\n  phew analyze resnet20 --masks masks.safetensors")
    .action(async (model, options) => (await import("./verbs/analyze.ts")).analyze(model, options));

  withModel(program.command("predict"))
    .summary("run a network on a batch: the proof that an import is faithful")
    .description("Computes the outputs of a network, masked or not, in evaluation mode.")
    .addOption(
      option("--batch <file>", "safetensors or npz with x, and y for the accuracy").makeOptionMandatory(),
    )
    .addOption(option("--masks <file>", "masks as phew prune writes them; dense without"))
    .addOption(option("--out <file>", "logits as safetensors"))
    .addOption(executorOption())
    .addOption(threadsOption())
    .addOption(option("--force", "overwrite existing files"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      "\nExample:\n  phew predict model.onnx --batch batch.safetensors --masks masks.safetensors --out logits.safetensors",
    )
    .action(async (model, options) => (await import("./verbs/predict.ts")).predict(model, options));

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
    .action(async (model, options) => (await import("./verbs/export.ts")).exportMasked(model, options));

  program
    .command("train")
    .summary("prune and train a network; leaves a run folder")
    .description("Prunes a network of the zoo at initialisation, trains it, and leaves all in a run folder.")
    .argument("<model>", "name of the zoo")
    .addOption(option("--dataset <name>", "glyphs (drawn by the program), mnist, cifar10").default("glyphs"))
    .addOption(option("--data-dir <folder>", "folder of the data set's files"))
    .addOption(
      option("--classes <n>", "number of classes, for glyphs: 2 to 62").argParser(
        parse.wholeNumber("--classes", 2, 62),
      ),
    )
    .addOption(
      option("--train-count <n>", "training examples, for glyphs").argParser(
        parse.wholeNumber("--train-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--test-count <n>", "test examples, for glyphs").argParser(
        parse.wholeNumber("--test-count", 1, 10_000_000),
      ),
    )
    .addOption(
      option("--data-seed <n>", "seed of the images, for glyphs").argParser(
        parse.wholeNumber("--data-seed", 0),
      ),
    )
    .addOption(option("--method <name>", "pruning method, or dense").default("phew"))
    .addOption(option("--density <d>", "fraction of weights kept").argParser(parse.density))
    .addOption(
      option("--option <name=value>", "option of the method; may be repeated")
        .argParser(parse.assignments)
        .default({}),
    )
    .addOption(
      option("--seed <n>", "seed of weights, walks and data order")
        .argParser(parse.wholeNumber("--seed", 0))
        .default(0),
    )
    .addOption(
      option("--epochs <n>", "passes over the training set")
        .argParser(parse.wholeNumber("--epochs", 1, 100_000))
        .default(4),
    )
    .addOption(
      option("--batch-size <n>", "examples a step")
        .argParser(parse.wholeNumber("--batch-size", 1, 65_536))
        .default(64),
    )
    .addOption(option("--rate <r>", "learning rate").argParser(parse.realNumber("--rate", 0)).default(0.02))
    .addOption(
      option("--momentum <m>", "momentum of gradient descent")
        .argParser(parse.realNumber("--momentum", 0, 0.9999))
        .default(0.9),
    )
    .addOption(option("--no-nesterov", "plain momentum"))
    .addOption(
      option("--weight-decay <l>", "on all trained parameters")
        .argParser(parse.realNumber("--weight-decay", 0))
        .default(1e-4),
    )
    .addOption(
      option("--drops <fractions>", "the rate drops at these fractions of the run, or none")
        .argParser(parse.fractions("--drops"))
        .default([0.5, 0.75], "0.5,0.75"),
    )
    .addOption(
      option("--drop-factor <f>", "what the rate is multiplied by")
        .argParser(parse.realNumber("--drop-factor", 0, 1))
        .default(0.1),
    )
    .addOption(
      option("--label-smoothing <s>", "0 is none")
        .argParser(parse.realNumber("--label-smoothing", 0, 0.999))
        .default(0),
    )
    .addOption(executorOption())
    .addOption(threadsOption())
    .addOption(option("--runs <folder>", "where run folders go").default("runs"))
    .addOption(option("--experiment <name>", "folder of this and like runs").default("train"))
    .addOption(option("--force", "run again where this configuration has been run"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText(
      "after",
      `
Examples:
  phew train lenet5 --method phew --density 0.05 --epochs 4
  phew train lenet5 --dataset mnist --data-dir data/mnist --method phew --density 0.05 --epochs 3`,
    )
    .action(async (model, options) => (await import("./verbs/train.ts")).train(model, options));

  program
    .command("watch")
    .summary("the live screen of runs")
    .description(
      "Shows runs as they go, and finished ones, in the terminal; plain lines where there is none.",
    )
    .argument("[folder]", "a runs folder, an experiment or one run", "runs")
    .addOption(option("--once", "show how things stand, and stop"))
    .addOption(option("--plain", "lines instead of a screen"))
    .action(async (folder, options) => (await import("./verbs/watch.ts")).watch(folder, options));

  program
    .command("zoo")
    .summary("the networks that come with phew")
    .description("Lists the networks of the zoo, or the layers of one.")
    .argument("[model]", "show the layers of this one")
    .addOption(
      option("--classes <n>", "number of classes").argParser(parse.wholeNumber("--classes", 2, 1_000_000)),
    )
    .addOption(option("--input <shape>", "channels,height,width or features").argParser(parse.shape))
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (model, options) => (await import("./verbs/zoo.ts")).zoo(model, options));

  program
    .command("doctor")
    .summary("what is installed, which backends work and why not")
    .description("Looks at this machine: versions, the engine, TensorFlow.js backends, the terminal.")
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (options) => (await import("./verbs/doctor.ts")).doctor(options));

  program
    .command("demo")
    .summary("the main job on the embedded data: prune by four methods, train, compare")
    .description(
      "Prunes LeNet-5 by PHEW, uniform walks, magnitude and at random, trains each and the dense one on glyphs, and compares.",
    )
    .addOption(
      option("--seed <n>", "seed of weights, walks and data")
        .argParser(parse.wholeNumber("--seed", 0))
        .default(0),
    )
    .addOption(option("--runs <folder>", "where run folders go").default("runs"))
    .addOption(
      option("--processes <n>", "runs at the same time").argParser(parse.wholeNumber("--processes", 1, 64)),
    )
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (options) => (await import("./verbs/demo.ts")).demo(options));

  declareBench(program.command("bench"));

  const verbs = program.commands;
  for (const command of [program, ...verbs, ...verbs.flatMap((verb) => verb.commands)]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "phew: ").replace(/\n\(/, " (")),
    });
  }
  return program;
}

function declareBench(bench: Command): void {
  bench
    .summary("how fast: training, predictions, masks, beside PyTorch and others")
    .description(
      "Measures speed on this machine, as ratios to something else in alternating rounds of one run.",
    )
    .addHelpText(
      "after",
      `
Examples:
  phew bench train --model resnet20 --method phew --density 0.05 --batch 128 --threads 2 --baseline torch
  phew bench predict --model resnet20 --density 0.05 --batch 1,64
  phew bench prune --model vgg19-bn --density 0.05
  phew bench layer --shape 16x32x32-16 --density 0.05 --batch 64 --threads 1`,
    );
  withBenchSettings(withBenchModel(bench.command("train")))
    .summary("whole steps of training: forward, loss, backward, update")
    .description("Times steps of training of a pruned network against the dense one on something else.")
    .addOption(batchOption(128))
    .addHelpText(
      "after",
      `
Examples:
  phew bench train --model resnet20 --method phew --density 0.05 --batch 128 --threads 2 --baseline torch --json
  phew bench train --model vgg19-bn --density 0.02 --batch 64 --baseline tfjs
  phew bench train --model mlp --density 0.05 --baseline none --markdown`,
    )
    .action(async (options) => (await import("./verbs/bench.ts")).benchTraining(options));
  withBenchSettings(withBenchModel(bench.command("predict")))
    .summary("outputs of a batch")
    .description("Times predictions of a pruned network against the dense one on something else.")
    .addOption(
      option("--batch <sizes>", "images at a time, one or several")
        .argParser(parse.wholeNumbers("--batch", 1, 65_536))
        .default([1, 64], "1,64"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  phew bench predict --model resnet20 --density 0.05 --batch 1,64 --threads 2",
    )
    .action(async (options) => (await import("./verbs/bench.ts")).benchPrediction(options));
  withBenchSettings(bench.command("layer"))
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
    .addOption(option("--density <d>", "fraction of weights kept").argParser(parse.density).default(0.05))
    .addOption(batchOption(64))
    .addHelpText(
      "after",
      `
Examples:
  phew bench layer --shape 16x32x32-16 --density 0.05 --batch 64 --threads 1
  phew bench layer --shape 784-300 --density 0.05 --threads 1 --baseline none`,
    )
    .action(async (options) => (await import("./verbs/bench.ts")).benchOneLayer(options));
  withBenchOutput(bench.command("prune"))
    .summary("a mask by walking, against a plain linear scan")
    .description("Times PHEW's mask of a network against a plain walker of the same definition.")
    .addOption(option("--model <name>", "name of the zoo").default("resnet20"))
    .addOption(option("--density <d>", "fraction of weights kept").argParser(parse.density).default(0.05))
    .addHelpText("after", "\nExample:\n  phew bench prune --model vgg19-bn --density 0.05")
    .action(async (options) => (await import("./verbs/bench.ts")).benchPruning(options));
}

function withBenchModel(command: Command): Command {
  return command
    .addOption(option("--model <name>", "name of the zoo").default("resnet20"))
    .addOption(option("--method <name>", "pruning method, or dense").default("phew"))
    .addOption(
      option("--density <d>", "fraction of weights kept; 0.05 unless dense").argParser(parse.density),
    )
    .addOption(
      option("--option <name=value>", "option of the method; may be repeated")
        .argParser(parse.assignments)
        .default({}),
    );
}

function withBenchSettings(command: Command): Command {
  const baselines = ["torch", "tfjs", "tensorflow", "none"];
  return withBenchOutput(command)
    .addOption(executorOption())
    .addOption(
      option("--threads <n>", "threads of the executor, and of PyTorch").argParser(
        parse.wholeNumber("--threads", 1, 256),
      ),
    )
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
    .addOption(
      option("--seed <n>", "seed of weights, masks and data")
        .argParser(parse.wholeNumber("--seed", 0))
        .default(0),
    )
    .addOption(option("--markdown", "a section with command, machine and date, for a page of figures"))
    .addOption(option("--json", "one JSON document on standard output"));
}

function batchOption(initial: number): Option {
  return option("--batch <n>", "images at a time")
    .argParser(parse.wholeNumber("--batch", 1, 65_536))
    .default(initial);
}

function option(flags: string, help: string): Option {
  return new Option(flags, help);
}

function executorOption(): Option {
  const names = ["sparse", "tensorflow"];
  return option("--executor <name>", `what computes: ${names.join(", ")}`).argParser(
    parse.oneOf("--executor", names),
  );
}

function threadsOption(): Option {
  return option("--threads <n>", "threads of the sparse executor").argParser(
    parse.wholeNumber("--threads", 1, 256),
  );
}

/** The model and what makes it definite: architecture, classes, input, weights, seed. */
function withModel(command: Command): Command {
  return command
    .argument("[model]", "name of the zoo, or a model file")
    .addOption(option("--architecture <name>", "zoo name of the network whose weights the file holds"))
    .addOption(
      option("--classes <n>", "number of classes").argParser(parse.wholeNumber("--classes", 1, 1_000_000)),
    )
    .addOption(option("--input <shape>", "channels,height,width or features").argParser(parse.shape))
    .addOption(option("--weights <file>", "initial weights as safetensors, instead of drawing them"))
    .addOption(
      option("--treat-as-opaque", "unsupported parts of an ONNX file carry every unit to every unit"),
    )
    .addOption(option("--init <scheme>", "how weights are drawn; the network's own way unless given"))
    .addOption(option("--seed <n>", "seed of weights and walks").argParser(parse.wholeNumber("--seed", 0)));
}
