import type { Command } from "commander";
import * as parse from "../parse.ts";
import { settingOption } from "../settings/commandLine.ts";
import { option } from "./options.ts";

export function declareReport(program: Command): void {
  program
    .command("report")
    .summary("tables and figures of runs, and the verdicts of experiments")
    .description(
      "Compares the finished runs at or below a folder; writes tables as text, CSV, Markdown and LaTeX, and figures; or all in one page. Of a folder of phew reproduce: the claims with their verdicts, as a table or as a page.",
    )
    .argument("[folder]", "a runs folder, an experiment, one run, or a folder of phew reproduce", "runs")
    .addOption(
      option(
        "--out <folder>",
        "where the report goes, of --html its file too; the folder itself unless given",
      ),
    )
    .addOption(option("--html", "one page with all of it, that needs nothing beside it: report.html"))
    .addOption(
      option("--format <form>", "how the tables are printed: text, markdown, csv (of runs alone) or latex")
        .argParser(parse.oneOf("--format", ["text", "markdown", "csv", "latex"]))
        .default("text"),
    )
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
    .addOption(option("--force", "replace a file of --out that exists"))
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (folder, options) => (await import("../verbs/report.ts")).report(folder, options));
}
