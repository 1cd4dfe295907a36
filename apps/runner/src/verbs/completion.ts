/** `phew completion`: prints a script that completes the arguments of `phew`. */
import type { Command } from "commander";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { completedVerbs } from "../completion/tree.ts";
import { zshScript } from "../completion/zsh.ts";
import { printData } from "../output/output.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** @param program with all verbs declared */
export function completion(shell: keyof typeof SCRIPTS, program: Command): void {
  printData(SCRIPTS[shell](completedVerbs(program)));
}
