import type { Command } from "commander";
import * as parse from "../parse.ts";
import { option } from "./options.ts";

export function declareZoo(program: Command): void {
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
    .action(async (model, options) => (await import("../verbs/zoo.ts")).zoo(model, options));
}
