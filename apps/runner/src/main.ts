/** The command `phew`: declares the verbs; each loads its own code when it is called. */
import { readFileSync } from "node:fs";
import { lineText } from "@phew/runs/text";
import { Command, CommanderError } from "commander";
import { wrapHelp } from "./commands/helpText.ts";
import { nameShort } from "./commands/shortOptions.ts";
import { EXIT } from "./exit.ts";
import { printFailure, printFailuresInOneLine } from "./output/failureLine.ts";
import { printNote, setQuiet } from "./output/output.ts";
import { configFile, ownVariables } from "./settings/ownDefaults.ts";

type Declare = (program: Command) => void;

/**
 * In the order in which help shows them: where each verb is declared. Adding one: a file in commands, one in verbs and a
 * line here.
 */
const verbs: Readonly<Record<string, () => Promise<Declare>>> = {
  prune: async () => (await import("./commands/prune.ts")).declarePrune,
  analyze: async () => (await import("./commands/analyze.ts")).declareAnalyze,
  compare: async () => (await import("./commands/compare.ts")).declareCompare,
  predict: async () => (await import("./commands/predict.ts")).declarePredict,
  export: async () => (await import("./commands/export.ts")).declareExport,
  train: async () => (await import("./commands/train.ts")).declareTrain,
  imp: async () => (await import("./commands/imp.ts")).declareImp,
  recipes: async () => (await import("./commands/recipes.ts")).declareRecipes,
  data: async () => (await import("./commands/data.ts")).declareData,
  sweep: async () => (await import("./commands/sweep.ts")).declareSweep,
  runs: async () => (await import("./commands/runs.ts")).declareRuns,
  watch: async () => (await import("./commands/watch.ts")).declareWatch,
  report: async () => (await import("./commands/report.ts")).declareReport,
  knee: async () => (await import("./commands/knee.ts")).declareKnee,
  zoo: async () => (await import("./commands/zoo.ts")).declareZoo,
  completion: async () => (await import("./commands/completion.ts")).declareCompletion,
  doctor: async () => (await import("./commands/doctor.ts")).declareDoctor,
  demo: async () => (await import("./commands/demo.ts")).declareDemo,
  reproduce: async () => (await import("./commands/reproduce.ts")).declareReproduce,
  bench: async () => (await import("./commands/bench.ts")).declareBench,
};

/** Runs the command line as the only work of this process: any failure prints one line and ends the process. */
export async function main(args: readonly string[]): Promise<void> {
  printFailuresInOneLine();
  await carryOut(args);
}

/** Executes the command line. Sets `process.exitCode`: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function carryOut(args: readonly string[]): Promise<void> {
  try {
    await (await buildProgram(args[0])).parseAsync(args, { from: "user" });
  } catch (error) {
    process.exitCode =
      error instanceof CommanderError ? (error.exitCode === 0 ? EXIT.done : EXIT.usage) : printFailure(error);
  }
}

/** Before a verb acts: sets the user's own defaults and prints where they came from, unless `quiet`. */
async function prepare(called: Command): Promise<void> {
  const hasDefaults = configFile() !== undefined || ownVariables().length > 0;
  const defaults = hasDefaults ? await import("./settings/defaults.ts") : undefined;
  const applied = defaults?.applyDefaults(called) ?? [];
  const unused = defaults?.unusedWords(called);
  const { quiet, json } = called.opts<{ readonly quiet?: boolean; readonly json?: boolean }>();
  setQuiet(quiet === true);
  if (applied.length > 0 && !json) printNote(`note: defaults from ${applied.join(", ")}`);
  if (unused !== undefined && !json) printNote(`note: ${unused}`);
}

/** @param verb the first argument: only this verb is declared, so that nothing else is loaded */
export async function buildProgram(verb = ""): Promise<Command> {
  const program = new Command("phew")
    .description("Finds a sparse neural network before training it, by walking it.")
    .version(
      (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string })
        .version,
    )
    .addHelpText(
      "after",
      `
<model> is a name of the zoo (phew zoo) or a file: .onnx, .safetensors or .npz or .pt with --architecture, a tfjs model.json.

Your own defaults: phew.config.json in this folder or one above, such as { "dataset": "cifar10", "epochs": 40 }, and variables
such as PHEW_DATA_DIR; see docs/settings.md.

Examples:
  phew prune resnet20 --density 0.05 --seed 1 --out masks.safetensors
  phew analyze resnet20 --masks masks.safetensors
  phew train lenet5 --dataset glyphs --method phew --density 0.05 --epochs 4
  phew watch`,
    );

  // completion is of all verbs
  const chosen = verb !== "completion" && Object.hasOwn(verbs, verb) ? [verbs[verb]!] : Object.values(verbs);
  for (const declare of await Promise.all(chosen.map((load) => load()))) declare(program);

  program.hook("preAction", (_, called) => prepare(called));
  const { commands } = program;
  for (const command of [program, ...commands, ...commands.flatMap((inner) => inner.commands)]) {
    nameShort(command);
    wrapHelp(command);
    command.exitOverride().configureOutput({
      outputError: (text, write) => {
        const line = text
          .trimEnd()
          .replace(/^error: /, "phew: ")
          .replace(/\n\(/, " (");
        write(`${lineText(line)} (phew --help, or phew <verb> --help, shows how)\n`);
      },
    });
  }
  return program;
}
