/** The script of a job array, read and run by bash; what Slurm does with it is tested with the command. */
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { type SweepTask, shellQuote, shellWords, slurm, slurmScript } from "../src/sweeps/index.ts";

// no line breaks and no NUL: neither is in an argument of ours
const word = fc.string({
  unit: fc.constantFrom(..."aZ9 '\"\\$`%*?!~#&;|<>(){}[]=-+@é\t".split("")),
  minLength: 1,
});

it("quotes words so that bash reads them back, all of them", () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const script = `printf '%s\\n' ${words.map(shellQuote).join(" ")}`;
      expect(execFileSync("bash", ["-c", script], { encoding: "utf8" })).toBe(`${words.join("\n")}\n`);
    }),
    { numRuns: 30 },
  );
});

it("splits words as bash does", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      expect(shellWords(words.map(shellQuote).join("  "))).toEqual(words);
    }),
  );
  expect(shellWords(`--partition=x  --comment="two \\"words\\"" a\\ b 'c d'e`)).toEqual([
    "--partition=x",
    '--comment=two "words"',
    "a b",
    "c de",
  ]);
  expect(shellWords(" ")).toEqual([]);
  expect(shellWords("--comment='two")).toBeUndefined();
});

describe("an element of the array", () => {
  function element(stepCount: number) {
    const folder = mkdtempSync(join(tmpdir(), "phew's array-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    const script = fileURLToPath(new URL("./fakeRun.mjs", import.meta.url));
    const run = join(folder, "run $1");
    const command = [process.execPath, script, run, `${stepCount}`];
    const task: SweepTask = { id: "a", name: "a", folder: run, experiment: "e", config: {}, command };
    writeFileSync(
      join(folder, "job.sh"),
      slurmScript([{ ...task, command: ["false"] }, task], () => join(folder, "a log")),
    );
    // in place of Slurm's: tells what it was asked
    writeFileSync(join(folder, "scontrol"), `#!/bin/bash\necho "$@" >"${folder}/asked"\n`);
    chmodSync(join(folder, "scontrol"), 0o755);
    const child = spawn("bash", [join(folder, "job.sh"), "1"], {
      stdio: "ignore",
      env: { PATH: `${folder}:${process.env.PATH}`, SLURM_ARRAY_TASK_ID: "0", SLURM_ARRAY_JOB_ID: "7" },
    });
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    return { folder, run, child, ended };
  }

  it("runs the task of its number and ends as that does", async () => {
    const { run, ended } = element(2);
    expect(await ended).toBe(0);
    expect(readFileSync(join(run, "step"), "utf8")).toBe("2");
  });

  it("goes back into the queue where USR1 came, after the run has made its checkpoint", async () => {
    const { folder, run, child, ended } = element(10_000);
    while (!existsSync(join(run, "step"))) await sleep(10);
    child.kill("SIGUSR1");
    expect(await ended).toBe(130);
    expect(JSON.parse(readFileSync(join(run, "status.json"), "utf8")).state).toBe("interrupted");
    expect(readFileSync(join(folder, "asked"), "utf8")).toBe("requeue 7_0\n");
    expect(readFileSync(join(folder, "a log"), "utf8")).toMatch(/time limit: back into the queue/);
  });
});

const executorWith = (sbatch: readonly string[], folder = "/nowhere") =>
  slurm({ folder, jobName: "x", threadCount: 1, sbatch });
const { signal } = new AbortController();

it.each([
  [["--array=1-5"], /"--array=1-5".*For fewer runs at a time set the throttle/],
  [["--wrap=ls"], /options other than those that make the array/],
  // sbatch takes the beginning of a name for the name
  [["--wra=ls"], /options other than those that make the array/],
  [["--ar=1-5"], /options other than those that make the array/],
  // a word that stands alone would be the script
  [["job.sh"], /"job\.sh", expected options that begin with --/],
  [["--exclusive", "/any/script.sh"], /"\/any\/script\.sh", expected options that begin with --/],
  [["--partition", "cpu"], /"--partition", expected options .* behind =, such as --partition=cpu/],
  // would take our own option for its value
  [["--comment"], /"--comment", expected options/],
  [["-p", "cpu"], /"-p", expected options .*Write the long name/],
  [["-a0-3"], /"-a0-3", expected options .*Write the long name/],
  [["--"], /"--", expected options/],
  [["--comment=a\nb"], /control character/],
])("refuses %j among the options of sbatch", async (options, message) => {
  await expect(executorWith(options).ready!()).rejects.toThrow(message);
});

it("hands on options with their values, and those that have none", async () => {
  const options = ["--exclusive", "--comment=two words", "--time=02:00:00", "--nice", "--wait-all-nodes=1"];
  expect(await executorWith(options).submit([], { signal })).toMatchObject({ text: "nothing to submit" });
});

it.each([
  [{ arrays: [{ jobId: "--user=root", ids: ["a"] }] }],
  [{ arrays: [{ jobId: "1,2", ids: ["a"] }] }],
  [{ arrays: [{ jobId: 12, ids: ["a"] }] }],
  [{ arrays: [{ jobId: "12", ids: "a" }] }],
  [{ arrays: {} }],
  [[]],
])("asks and cancels no job of a file that says %j", async (document) => {
  const folder = mkdtempSync(join(tmpdir(), "phew-slurm-record-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "slurm.json"), JSON.stringify(document));
  const executor = executorWith([], folder);
  expect(await executor.status()).toBeUndefined();
  expect(await executor.cancel([])).toBe("nothing of it is in the queue of Slurm");
});
