import { Argument, type Command } from "commander";

/** The shells that there are scripts for. */
const SHELLS = ["bash", "zsh", "fish"];

export function declareCompletion(program: Command): void {
  program
    .command("completion")
    .summary("verbs, options and names completed by Tab: a script for bash, zsh or fish")
    .description("Prints a script that has the shell complete verbs, options, names and runs of phew.")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  eval "$(phew completion bash)"                                  in ~/.bashrc
  source <(phew completion zsh)                                   in ~/.zshrc, behind compinit
  phew completion fish > ~/.config/fish/completions/phew.fish`,
    )
    .action(async (shell) => (await import("../verbs/completion.ts")).completion(shell, program));
}
