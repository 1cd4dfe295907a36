/** Options over all verbs: one name and one letter for one thing, and the names of the last release. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { wrappedProse } from "../src/commands/helpText.ts";
import { SHORT_OPTIONS, withoutWatch } from "../src/commands/shortOptions.ts";
import { buildProgram } from "../src/main.ts";
import { lastingFolder, phew } from "./phew.ts";

const folder = lastingFolder();

/** All verbs, `bench train` as one. */
function verbsBelow(command: Command, before = ""): [string, Command][] {
  return command.commands.flatMap((inner): [string, Command][] => {
    const name = `${before} ${inner.name()}`.trim();
    return [[name, inner], ...verbsBelow(inner, name)];
  });
}

const program = await buildProgram();
const verbs = verbsBelow(program);

describe("a letter", () => {
  it("stands for one option, in every verb that has the option", () => {
    for (const [name, verb] of verbs)
      for (const { long, short } of verb.options) expect(short, `${name} ${long}`).toBe(SHORT_OPTIONS[long!]);
    const letters = Object.values(SHORT_OPTIONS);
    expect(new Set([...letters, "-h", "-V"]).size).toBe(letters.length + 2);
    const used = new Set(verbs.flatMap(([, { options }]) => options.map(({ long }) => long)));
    expect(Object.keys(SHORT_OPTIONS).filter((long) => !used.has(long))).toEqual([]);
  });

  it("of --watch is taken off the command line of the process that does the work", () => {
    const without = (line: string) => withoutWatch(line.split(" ")).join(" ");
    expect(without("train mlp --watch -d 0.5")).toBe("train mlp -d 0.5");
    expect(without("train mlp -w -d 0.5")).toBe("train mlp -d 0.5");
    expect(without("train mlp -qw -d 0.5")).toBe("train mlp -q -d 0.5");
    expect(without("train mlp -wd0.5")).toBe("train mlp -d0.5");
    expect(without("train mlp -mrandom -o w --weights -new")).toBe("train mlp -mrandom -o w --weights -new");
  });

  it("is read as the option is", async () => {
    const [long, short] = await Promise.all(
      [
        "prune mlp --density 0.5 --method random --seed 3 --out a.safetensors --quiet --json",
        "prune mlp -d0.5 -m random -s 3 -o a.safetensors -qf --json",
      ].map((line) => phew(line.split(" "), folder)),
    );
    const masks = ({ stdout }: { stdout: string }) =>
      JSON.parse(stdout).masks.map((mask: object) => ({ ...mask, elapsedMs: 0 }));
    expect(masks(short!)).toEqual(masks(long!));
  });
});

it("what an option takes is of one kind in all verbs that show it", () => {
  const kinds = new Map<string, Set<string>>();
  for (const [, { options }] of verbs)
    for (const { long, flags } of options.filter(({ hidden }) => !hidden)) {
      const takes = /<(\w+)/.exec(flags)?.[1] ?? "";
      kinds.set(long!, (kinds.get(long!) ?? new Set()).add(takes));
    }
  const plural = (word: string) => word.replace(/s$/, "");
  // a name or several, a folder or a path: the same by other words
  const alike: Readonly<Record<string, string>> = {
    path: "file",
    folder: "file",
    size: "n",
    r: "n",
    d: "density",
  };
  // how large a reproduction is, and what pixels are multiplied by
  kinds.delete("--scale");
  for (const [long, words] of kinds) {
    const one = new Set([...words].map((word) => alike[plural(word)] ?? plural(word)));
    expect([...one], long).toHaveLength(1);
  }
});

describe("a name of the last release works as its new one, and says so", () => {
  const quick = "--rounds 1 --round-seconds 0 --baseline none --json";
  it.each([
    [
      "compare mlp --methods random --densities 0.5 --seeds 1 --workers 1 --json",
      ["--method", "--density", "--seed"],
    ],
    [`bench predict --model mlp --batch 1 ${quick}`, ["--model", "--batch-size"]],
    ["sweep sweep.json --processes 1 --dry-run", ["--workers"]],
  ])("phew %s", async (line, names) => {
    const settings = { model: "mlp", density: 0.5, epochs: 1, trainCount: 8, testCount: 8 };
    writeFileSync(path.join(folder, "sweep.json"), JSON.stringify({ settings }));
    const { stderr, stdout, exitCode } = await phew(line.split(" "), folder);
    expect(exitCode, stderr).toBe(0);
    const warnings = stderr.split("\n").filter((each) => each.startsWith("warning: "));
    for (const name of names) expect(warnings.join("\n"), name).toContain(name);
    expect(warnings).toHaveLength(names.length);
    if (line.startsWith("compare")) {
      const masks = JSON.parse(stdout).masks as { seed: number; requestedDensity: number }[];
      expect(masks).toMatchObject([{ seed: 1, requestedDensity: 0.5 }]);
    }
  });

  it("also in a sweep file", async () => {
    const settings = { model: "mlp", density: 0.5, epochs: 1, trainCount: 8, testCount: 8 };
    writeFileSync(path.join(folder, "old.json"), JSON.stringify({ settings, processes: 3, seeds: 4 }));
    const { stderr, stdout } = await phew(["sweep", "old.json", "--dry-run"], folder);
    expect(stderr).toBe(
      'warning: old.json: "processes" is called "workers" now; the next release does not know the old name\n',
    );
    expect(stdout).toMatch(/3 runs at a time/);
  });
});

describe("--quiet", () => {
  it("leaves results, and takes progress and notes away", async () => {
    const line = "train mlp --density 0.5 --epochs 1 --train-count 8 --test-count 8 --threads 1 --no-figures";
    const loud = await phew(line.split(" "), folder);
    expect(loud.stderr).toMatch(/epoch 1/);
    const quiet = await phew([...line.split(" "), "--force", "--quiet"], folder);
    expect(quiet).toMatchObject({ exitCode: 0, stderr: "" });
    expect(quiet.stdout).toMatch(/test accuracy/);
  });

  it("leaves warnings and failures", async () => {
    const line =
      "train mlp --method random --density 0.001 --epochs 1 --train-count 8 --test-count 8 --threads 1 --quiet";
    const { stderr } = await phew([...line.split(" "), "--no-figures"], folder);
    expect(stderr).toMatch(/^warning: /);
    expect(stderr).not.toMatch(/epoch 1/);
    expect((await phew("prune mlp -q --density 2".split(" "), folder)).stderr).toMatch(
      /^phew: --density: got "2"/,
    );
  });
});

it("help is no wider than the terminal, but for commands to be copied and names without a blank", async () => {
  // not those of other tests: their output is set here
  const own = await buildProgram();
  for (const columns of [40, 60, 80])
    for (const [name, command] of [["", own] as const, ...verbsBelow(own)]) {
      let text = "";
      command.configureOutput({
        getOutHelpWidth: () => columns,
        writeOut: (part) => {
          text += wrappedProse(part, columns);
        },
      });
      command.outputHelp();
      const lines = text.split("\n").filter((line) => line.length > columns);
      const isCopied = (line: string) => /^ +(phew |\{|\}|"|eval |source )/.test(line);
      const isOneWord = (line: string) => !line.trim().slice(0, -1).includes(" ");
      const long = lines.filter((line) => !isCopied(line) && !isOneWord(line));
      expect(
        long.filter((line) => !/^ {2}-/.test(line)),
        `${name} at ${columns}`,
      ).toEqual([]);
    }
});
