import type { Command } from "commander";
import { settingOption } from "../settings/commandLine.ts";
import { option, withRenamed } from "./options.ts";

export function declareData(program: Command): void {
  const data = program
    .command("data")
    .summary("data sets: what there are, fetch one, look at one")
    .description("Lists the data sets; fetches the official files of one; reads one and counts its classes.")
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (options) => (await import("../verbs/data.ts")).listData(options));
  data
    .command("fetch")
    .description("Downloads the official files, checks their sums, and goes on where it broke off before.")
    .argument("<dataset>", "a name that phew data lists")
    .addOption(option("--data-dir <folder>", "where they go").default("data", "data/<dataset>"))
    .addOption(settingOption("data", "quiet"))
    .action(async (name, options) => (await import("../verbs/data.ts")).fetchData(name, options));
  const check = data
    .command("check")
    .description("Reads all of a data set as training would, and counts the examples of each class.")
    .argument("<dataset>", "a name that phew data lists")
    .addOption(option("--data-dir <path>", "folder of its files, or their archive"))
    .addOption(settingOption("data", "quiet"))
    .action(async (name, options) => (await import("../verbs/data.ts")).checkData(name, options));
  withRenamed(check, "--classes", option("--each-class", "a line for each class"));
}
