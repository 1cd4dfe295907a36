import type { Command } from "commander";
import { option } from "./options.ts";

export function declareDoctor(program: Command): void {
  program
    .command("doctor")
    .summary("what is installed, which backends work and why not")
    .description("Looks at this machine: versions, the engine, TensorFlow.js backends, the terminal.")
    .addOption(option("--json", "one JSON document on standard output"))
    .action(async (options) => (await import("../verbs/doctor.ts")).doctor(options));
}
