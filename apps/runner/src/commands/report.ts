import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option } from "./options.ts";

export function declareReport(program: Command): void {
  program
    .command("report")
    .summary("tables and figures of runs")
    .description(
      "Compares the finished runs at or below a folder; writes a table as text, CSV and Markdown, and figures.",
    )
    .argument("[folder]", "a runs folder, an experiment or one run", "runs")
    .addOption(option("--out <folder>", "where the report goes; the folder itself unless given"))
    .addOption(
      option("--target <accuracy>", "test accuracy that the last column asks for, as a fraction")
        .argParser(parse.realNumber("--target", 0, 1))
        .default(0.9),
    )
    .addOption(option("--all", "runs that are not finished too, as far as they have come"))
    .addOption(option("--no-figures", "tables alone"))
    .addOption(
      option(
        "--tensorboard <folder>",
        "links to the runs' files of TensorBoard, under the names of the runs",
      ),
    )
    .addOption(settingOption("report", "quiet"))
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (folder, options) => (await import("../verbs/report.ts")).report(folder, options));
}
