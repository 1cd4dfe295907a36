/** Options that several verbs share. */
import { checks, type ZooVariant } from "@phew/core";
import { type Command, Option } from "commander";
import * as parse from "../parse.ts";

export function option(flags: string, help: string): Option {
  return new Option(flags, help);
}

export function executorOption(): Option {
  const names = ["sparse", "tensorflow"];
  return option("--executor <name>", `what computes: ${names.join(", ")}`).argParser(
    parse.oneOf("--executor", names),
  );
}

export function threadsOption(): Option {
  return option("--threads <n>", "threads of the sparse executor").argParser(
    parse.wholeNumber("--threads", 1, 256),
  );
}

export function methodOptionOption(): Option {
  return option("--option <name=value>", "option of the method; may be repeated")
    .argParser(parse.assignments("--option", "branching=weight"))
    .default({});
}

/** A sanity check of the mask, and what it is told. */
export function checkOptions(): [Option, Option] {
  const names = [...checks.keys()];
  return [
    option("--check <name>", `sanity check that the mask goes through: ${names.join(", ")}`).argParser(
      parse.oneOf("--check", names),
    ),
    option("--check-option <name=value>", "option of the check; may be repeated").argParser(
      parse.assignments("--check-option", "within=layer"),
    ),
  ];
}

export function limitOption(): Option {
  return option(
    "--limit <time>",
    "longest that walks may be expected to take: 10m, 2h, none; 1h unless given",
  ).argParser(parse.duration("--limit"));
}

export function strictOption(): Option {
  return option("--strict", "a mask that cuts outputs off or collapses a layer is an error, not a warning");
}

export function fastMathOption(): Option {
  return option(
    "--fast-math",
    "fused multiply-add in the sparse executor: faster, not the same bits on every machine",
  );
}

/** Forms of the zoo's families, by the data set that each is known for. */
const VARIANTS = ["cifar", "tiny-imagenet", "imagenet"] as const satisfies readonly ZooVariant[];

/** The model and what makes it definite: architecture, classes, input, weights, seed. */
export function withModel(command: Command): Command {
  return withUnseededModel(command).addOption(
    option("--seed <n>", "seed of weights and walks").argParser(parse.wholeNumber("--seed", 0)),
  );
}

/** What is asked of masks that go with a model. */
export function maskOptions(): [Option, Option] {
  return [
    option("--masks-from-zeros", "masks are the model's weights other than 0, where it was pruned elsewhere"),
    option("--same-weights", "an error where the masks were made for other weights, rather than a note"),
  ];
}

/** The same for verbs that take several seeds. */
export function withUnseededModel(command: Command): Command {
  return command
    .argument("[model]", "name of the zoo, a model file, or the folder of a run")
    .addOption(
      option("--architecture <name>", "zoo name, or model file, of the network whose weights the file holds"),
    )
    .addOption(
      option("--classes <n>", "number of classes").argParser(parse.wholeNumber("--classes", 1, 1_000_000)),
    )
    .addOption(option("--input <shape>", "channels,height,width or features").argParser(parse.shape))
    .addOption(
      option(
        "--variant <name>",
        `form of the zoo network where the input does not tell: ${VARIANTS.join(", ")}`,
      ).argParser(parse.oneOf("--variant", VARIANTS)),
    )
    .addOption(
      option("--weights <file>", "initial weights from a file or a run's folder, instead of drawing them"),
    )
    .addOption(
      option(
        "--output <name>",
        "of a model file with several outputs, the one that is looked at; all without",
      ),
    )
    .addOption(
      option("--treat-as-opaque", "unsupported parts of an ONNX file carry every unit to every unit"),
    )
    .addOption(option("--init <scheme>", "how weights are drawn; the network's own way unless given"));
}
