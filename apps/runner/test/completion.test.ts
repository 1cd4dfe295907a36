/** `phew completion`: the scripts in the shells that are here. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pruners, zooEntries } from "@phew/core";
import { beforeAll, describe, expect, it } from "vitest";
import { DENSE } from "../src/settings/pruning.ts";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();
const scripts: Record<string, string> = {};

beforeAll(async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout, exitCode } = await phew(["completion", shell], folder);
    expect(exitCode).toBe(0);
    scripts[shell] = stdout;
    writeFileSync(path.join(folder, `script.${shell}`), stdout);
  }
  mkdirSync(path.join(folder, "runs", "e", "ab12-0"), { recursive: true });
  writeFileSync(path.join(folder, "runs", "e", "ab12-0", "config.json"), "{}");
  writeFileSync(path.join(folder, "a model.onnx"), "");
});

function isHere(shell: string): boolean {
  try {
    execFileSync(shell, ["-c", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const out = (shell: string, ...args: string[]) =>
  execFileSync(shell, args, { cwd: folder, encoding: "utf8", env: { ...process.env, PHEW_RUNS: "" } });

/** What each shell offers for the last of the words, in order. */
const OFFERS: Readonly<Record<string, (words: readonly string[]) => string[]>> = {
  bash: (words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const code = `. ./script.bash; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _phew; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return lines(out("bash", "-c", code));
  },
  // what zsh's own functions would be given
  zsh: (words) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const stubs =
      "compdef() {}; _describe() { print -rl -- ${choices%%:*} }; compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -rl -- $@ }; _files() { print -rl -- *(N) };";
    const code = `${stubs} . ./script.zsh; words=(${quoted}); CURRENT=${words.length}; _phew`;
    return lines(out("zsh", "-fc", code)).filter((word) => word.startsWith(words.at(-1)!));
  },
  fish: (words) => {
    const line = words.map((word) => word.replaceAll(" ", "\\ ")).join(" ");
    const answer = out("fish", "--no-config", "-c", `source script.fish; complete -C '${line}'`);
    return lines(answer).map((each) => each.split("\t")[0]!);
  },
};

const lines = (text: string) => [...new Set(text.split("\n").filter((line) => line !== ""))].sort();

describe.each(Object.keys(OFFERS))("%s", (shell) => {
  const offer = (...words: string[]) => OFFERS[shell]!(["phew", ...words]);

  it.skipIf(!isHere(shell))("completes verbs, and those below them", async () => {
    expect(offer("p")).toEqual(["predict", "prune"]);
    expect(offer("runs", "")).toEqual(
      expect.arrayContaining(["diff", "list", "note", "remove", "show", "tag"]),
    );
    expect(offer("bench", "pr")).toEqual(["predict", "prune"]);
    const { stdout } = await phew(["--help"]);
    const listed = [...stdout.slice(stdout.indexOf("Commands:")).matchAll(/^ {2}([a-z]+)/gm)].map(
      ([, verb]) => verb!,
    );
    const verbs = offer("");
    for (const verb of listed.filter((each) => !["help", "phew"].includes(each)))
      expect(verbs, shell).toContain(verb);
  });

  it.skipIf(!isHere(shell))("completes options of the verb, without those of the last release", () => {
    expect(offer("prune", "mlp", "--de")).toEqual(["--density"]);
    expect(offer("compare", "--me")).toEqual(["--method"]);
    expect(offer("compare", "--densi")).toEqual(["--density"]);
    expect(offer("runs", "list", "--so")).toEqual(["--sort"]);
    expect(offer("runs", "show", "--so")).toEqual([]);
    expect(offer("train", "--no-fi")).toEqual(["--no-figures"]);
  });

  it.skipIf(!isHere(shell))("completes what options and arguments take", () => {
    const methods = [...pruners.keys(), DENSE].sort();
    expect(offer("train", "mlp", "--method", "")).toEqual(methods);
    expect(offer("train", "mlp", "-m", "ph")).toEqual(["phew"]);
    expect(offer("prune", "--dataset", "cifar")).toEqual(["cifar10", "cifar100"]);
    expect(offer("sweep", "--on", "")).toEqual(["pool", "slurm"]);
    expect(offer("watch", "--view", "lay")).toEqual(["layers"]);
    expect(offer("train", "--recipe", "ph")).toEqual(["phew"]);
    expect(offer("completion", "")).toEqual(["bash", "fish", "zsh"]);
    const zoo = zooEntries.map(({ name }) => name).filter((name) => name.startsWith("res"));
    expect(offer("prune", "res")).toEqual(zoo.sort());
    expect(offer("train", "mlp", "--density", "")).toEqual([]);
  });

  it.skipIf(!isHere(shell))("completes filters of runs, and what they compare with", () => {
    expect(offer("runs", "list", "dens")).toEqual(["density="]);
    expect(offer("runs", "list", "accur")).toEqual(["accuracy="]);
    // as bash splits it
    const words = (text: string) => (shell === "bash" ? text.split(/(?==)|(?<==)/) : [text]);
    const whole = (offers: readonly string[]) =>
      shell === "bash" ? offers.map((each) => `method=${each}`) : offers;
    expect(whole(offer("runs", "list", ...words("method=ph")))).toEqual(["method=phew"]);
    expect(whole(offer("runs", "list", "density=0.1", ...words("method=")))).toEqual(
      [...pruners.keys(), DENSE].map((name) => `method=${name}`).sort(),
    );
    expect(offer("runs", "list", "state=fail").map((each) => each.replace("state=", ""))).toEqual(["failed"]);
    expect(offer("train", "mlp", "dens")).toEqual([]);
  });

  it.skipIf(!isHere(shell))("completes ids of runs, and names of files with blanks in them", () => {
    expect(offer("runs", "show", "ab")).toEqual(["ab12-0"]);
    expect(offer("runs", "diff", "ab12-0", "ab")).toEqual(["ab12-0"]);
    expect(offer("prune", "--weights", "a ").map((word) => word.replaceAll("\\", ""))).toEqual([
      "a model.onnx",
    ]);
  });
});

it("refuses a shell that it has no script for", async () => {
  const { stderr, exitCode } = await phew(["completion", "tcsh"]);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^phew: .*tcsh.*bash, zsh, fish/);
});
