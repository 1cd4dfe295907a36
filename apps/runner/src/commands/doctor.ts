import type { Command } from "commander";
import { UsageError } from "../failure.ts";
import * as parse from "../parse.ts";
import { option } from "./options.ts";

/** @throws UsageError for what is said of a model where none is named */
function requireNone({ json: _, ...ofModels }: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(ofModels);
  if (name === undefined) return;
  throw new UsageError(`--${name}`, { given: "it without a model", expected: "a model that it is said of" });
}

export function declareDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("what works on this machine, or with a model, and why not")
    .description(
      "Looks at this machine: versions, the engine, TensorFlow.js backends, the terminal. With a model, which levels it reaches (weights, units, computed), and every node that stands in the way.",
    )
    .argument("[model]", "a model file, a name of the zoo, or the folder of a run")
    .addOption(
      option("--architecture <name>", "zoo name, or model file, of the network whose weights the file holds"),
    )
    .addOption(option("--input <shape>", "of a file that leaves it open").argParser(parse.shape))
    .addOption(option("--output <name>", "of a model file with several outputs, the one that is looked at"))
    .addOption(option("--json", "one JSON document on standard output"))
    .addHelpText("after", "\nExamples:\n  phew doctor\n  phew doctor model.onnx --json")
    .action(async (model, options) => {
      if (model !== undefined) return (await import("../verbs/doctorModel.ts")).doctorModel(model, options);
      requireNone(options);
      return (await import("../verbs/doctor.ts")).doctor(options);
    });
}
