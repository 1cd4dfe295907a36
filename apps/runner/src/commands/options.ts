/** Options that several verbs share. */
import type { ZooVariant } from "@phew/core";
import { type Command, Option } from "commander";
import { printWarnings } from "../output/output.ts";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import type { Verb } from "../settings/setting.ts";
import { withoutWatch } from "./shortOptions.ts";

export function option(flags: string, help: string): Option {
  return new Option(flags, help);
}

/** An option under the name that it had in the last release: it works as before, is not in help, and says its new name. */
class OldName extends Option {
  readonly #now: Option;

  constructor(flags: string, now: Option) {
    super(flags);
    this.#now = now;
    this.hideHelp();
    if (now.parseArg) this.argParser(now.parseArg);
  }

  override attributeName(): string {
    return this.#now.attributeName();
  }
}

/**
 * Adds an option that had another name in the last release.
 * @param old as commander reads it, `--densities <d>`
 */
export function withRenamed(command: Command, old: string, now: Option): Command {
  const before = new OldName(old, now);
  return command
    .addOption(now)
    .addOption(before)
    .on(`option:${before.name()}`, () => {
      const args = process.argv.slice(2);
      // behind the screen the process that works says so
      if (withoutWatch(args).join(" ") !== args.join(" ")) return;
      printWarnings([
        `${before.long} is called ${now.long} now; the next release does not know the old name`,
      ]);
    });
}

/** Forms of the zoo's families, by the data set that each is known for. */
const VARIANTS = ["cifar", "tiny-imagenet", "imagenet"] as const satisfies readonly ZooVariant[];

/** The model and what makes it definite: architecture, classes, input, weights, seed. */
export function withModel(command: Command, verb: Verb): Command {
  return withUnseededModel(command).addOption(settingOption(verb, "seed"));
}

/** Requirements for masks of a model. */
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
