import type { Command } from "commander";
import { settingOption } from "../settings/commandLine.ts";
import { option } from "./options.ts";

const CHOOSING = `
RUN is the folder of a run, its id, or a beginning of the id that no other run has. A filter is a name, one of
= != < <= > >= ~ !~, and a value; put < and > into quotes. Names are settings as config.json has them (method, density, rate,
options.bias, …), and state, accuracy, reached, progress, epoch, tag, note, experiment, id, name, begun, updated, failure, folder.`;

export function declareRuns(program: Command): void {
  const runs = program
    .command("runs")
    .summary("the runs that are kept: list, show, compare, tag, note, remove")
    .description("Looks after run folders; phew runs alone lists them.")
    .addHelpText(
      "after",
      `${CHOOSING}

Examples:
  phew runs list method=phew 'density<0.1' state=finished --sort -accuracy
  phew runs show 6c47
  phew runs diff 6c47 1f0c
  phew runs tag 6c47 +paper -draft
  phew runs note 6c47 "as in figure 3"
  phew runs remove state=failed`,
    );
  declareList(runs);
  declareShow(runs);
  declareSaying(runs);
  declareRemove(runs);
}

function declareList(runs: Command): void {
  verb(runs, "list", { isDefault: true })
    .summary("all runs, or those that filters choose")
    .description("Lists runs: what they differ in, their state, accuracy and tags.")
    .argument("[filters...]", "conditions that a run is to meet, all of them: method=phew 'density<0.1'")
    .addOption(option("--sort <names>", "by these, by commas; -accuracy has the greatest first"))
    .addOption(option("--columns <names>", "these, by commas, in place of what runs differ in"))
    .addHelpText(
      "after",
      `${CHOOSING}

  =  !=          one of several by commas (state=failed,lost), or none of them; of tags, whether the run has one
  <  <=  >  >=   numbers, fractions (0.05 or 5%), dates (begun>2026-11-30)
  ~  !~          has the letters in it, or not (note~figure)

Examples:
  phew runs list experiment=lenet5 model=lenet5 'accuracy>0.8' tag=paper
  phew runs list --sort method,-accuracy --columns id,method,density,accuracy,note
  phew runs list state=failed --json`,
    )
    .action(async (filters, options) => (await import("../verbs/runs.ts")).list(filters, options));
}

function declareShow(runs: Command): void {
  verb(runs, "show")
    .summary("one run: configuration, state, measures, files, environment, notes")
    .description("Shows all that is known of a run, and the command that does it again.")
    .argument("<run>", "folder, id or beginning of the id")
    .addHelpText("after", "\nExample:\n  phew runs show 6c47")
    .action(async (run, options) => (await import("../verbs/runs.ts")).show(run, options));
  verb(runs, "diff")
    .summary("what two runs differ in: settings, results, environment")
    .description("Sets two runs side by side: the settings in which they differ, and their results.")
    .argument("<a>", "folder, id or beginning of the id")
    .argument("<b>", "the other run")
    .addHelpText("after", "\nExample:\n  phew runs diff 6c47 1f0c")
    .action(async (a, b, options) => (await import("../verbs/runs.ts")).diff(a, b, options));
}

function declareSaying(runs: Command): void {
  verb(runs, "tag")
    .summary("give runs tags, or take them away: +paper -draft")
    .description(
      "Adds tags (+paper) and takes tags away (-draft); without any, shows them. Ids stay as they are.",
    )
    .argument("<runs-and-tags...>", "runs, or filters that choose them; and tags, each with + or - before it")
    // what begins with - is a tag
    .allowUnknownOption()
    .addHelpText(
      "after",
      "\nExamples:\n  phew runs tag 6c47 1f0c +paper -draft\n  phew runs tag state=failed +again",
    )
    .action(async (words, options) => (await import("../verbs/runs.ts")).tag(words, options));
  verb(runs, "note")
    .summary("write down something about a run")
    .description("Adds a note to a run; without a text, shows its notes. Ids stay as they are.")
    .argument("<run>", "folder, id or beginning of the id")
    .argument("[text]", "in quotes where it has blanks")
    .addOption(option("--clear", "take its notes away"))
    .addHelpText("after", '\nExample:\n  phew runs note 6c47 "as in figure 3"')
    .action(async (run, text, options) => (await import("../verbs/runs.ts")).note(run, text, options));
}

function declareRemove(runs: Command): void {
  verb(runs, "remove")
    .summary("take runs off the disk; asks first, and never one that is running")
    .description("Removes run folders with all that is in them, and says how much that was.")
    .argument("<runs...>", "runs, or filters that choose them")
    .addOption(option("--yes", "do not ask: for scripts"))
    .addOption(option("--dry-run", "say what would go, and stop"))
    .addHelpText(
      "after",
      "\nExamples:\n  phew runs remove 6c47 1f0c\n  phew runs remove state=failed experiment=trial --yes",
    )
    .action(async (words, options) => (await import("../verbs/runs.ts")).remove(words, options));
}

function verb(runs: Command, name: string, options = {}): Command {
  return runs
    .command(name, options)
    .addOption(settingOption("runs", "runs"))
    .addOption(option("--json", "one JSON document on standard output"));
}
