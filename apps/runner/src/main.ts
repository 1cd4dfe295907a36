/** The command `phew`: declares the verbs; each loads its own code when it is called. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { declareAnalyze } from "./commands/analyze.ts";
import { declareBench } from "./commands/bench.ts";
import { declareCompare } from "./commands/compare.ts";
import { declareData } from "./commands/data.ts";
import { declareDemo } from "./commands/demo.ts";
import { declareDoctor } from "./commands/doctor.ts";
import { declareExport } from "./commands/export.ts";
import { declareImp } from "./commands/imp.ts";
import { declarePredict } from "./commands/predict.ts";
import { declarePrune } from "./commands/prune.ts";
import { declareRecipes } from "./commands/recipes.ts";
import { declareReport } from "./commands/report.ts";
import { declareSweep } from "./commands/sweep.ts";
import { declareTrain } from "./commands/train.ts";
import { declareWatch } from "./commands/watch.ts";
import { declareZoo } from "./commands/zoo.ts";
import { describeFailure, EXIT } from "./failure.ts";

/** In the order in which help shows them. Adding a verb: a file in commands, one in verbs and a line here. */
const declarations = [
  declarePrune,
  declareAnalyze,
  declareCompare,
  declarePredict,
  declareExport,
  declareTrain,
  declareImp,
  declareRecipes,
  declareData,
  declareSweep,
  declareWatch,
  declareReport,
  declareZoo,
  declareDoctor,
  declareDemo,
  declareBench,
];

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

  for (const declare of declarations) declare(program);

  const verbs = program.commands;
  for (const command of [program, ...verbs, ...verbs.flatMap((verb) => verb.commands)]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "phew: ").replace(/\n\(/, " (")),
    });
  }
  return program;
}
