/**
 * A trainer of another machine is suspended, its run is taken over here and finished, and it wakes: every file of the run
 * is afterwards what it was before. It is suspended at random moments: while it begins, takes over, trains, or ends.
 * The long tests do so twenty times, a part of them ten times, which takes a minute.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "@phew/engine";
import { expect, it, onTestFinished } from "vitest";
import { isLong, longCases } from "../../../vitest.long.ts";
import { bin, filesBelow, scratchFolder } from "./phew.ts";

const TRAIN =
  "train lenet5 --classes 4 --train-count 320 --test-count 32 --epochs 3 --batch-size 32 --density 0.2 --threads 1 --no-figures --checkpoint-steps 4".split(
    " ",
  );
const random = new Random(3, 7);
/** When it is suspended, each by its number: ms after it has the lock. */
const ALL = Array.from({ length: 20 }, (_, round) => ({ round, delay: random.nextFloat() * 600 }));
const MOMENTS = isLong ? longCases(ALL, 10) : ALL.slice(0, 2);
const canUnshare = spawnSync("unshare", ["--uts", "true"]).status === 0;

interface Trainer {
  readonly child: ChildProcess;
  readonly ended: Promise<number | string>;
  readonly said: () => string;
}

function watched(child: ChildProcess): Trainer {
  let said = "";
  // a stopped one would stay
  onTestFinished(() => void child.kill("SIGKILL"));
  child.stderr!.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const ended = new Promise<number | string>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal!)),
  );
  return { child, ended, said: () => said };
}

const stdio: ["ignore", "ignore", "pipe"] = ["ignore", "ignore", "pipe"];
const here = (cwd: string): Trainer => watched(spawn(process.execPath, [bin, ...TRAIN], { cwd, stdio }));

/** The same command on a machine of another name: one of the kernel's where that is allowed, else one that Node is given. */
function elsewhere(cwd: string, name: string): Trainer {
  if (canUnshare) {
    const script = `hostname ${name}; exec "$@"`;
    const args = ["--uts", "sh", "-c", script, "sh", process.execPath, bin, ...TRAIN];
    return watched(spawn("unshare", args, { cwd, stdio }));
  }
  const faked = path.join(cwd, `${name}.mjs`);
  writeFileSync(
    faked,
    `import os from "node:os"; import { syncBuiltinESMExports } from "node:module";
     os.hostname = () => ${JSON.stringify(name)}; syncBuiltinESMExports();`,
  );
  return watched(spawn(process.execPath, ["--import", faked, bin, ...TRAIN], { cwd, stdio }));
}

function runIn(folder: string): string | undefined {
  const experiment = path.join(folder, "runs", "train");
  const name = existsSync(experiment) ? readdirSync(experiment)[0] : undefined;
  return name === undefined ? undefined : path.join(experiment, name);
}

const lockOf = (folder: string) => path.join(runIn(folder) ?? folder, "lock");

/** No sign of life for longer than a minute. */
function silence(folder: string): void {
  const before = new Date(Date.now() - 100_000);
  if (existsSync(lockOf(folder))) utimesSync(lockOf(folder), before, before);
}

function contents(folder: string): Record<string, string> {
  const run = runIn(folder)!;
  return Object.fromEntries(
    filesBelow(run).map((name) => [name, readFileSync(path.join(run, name)).toString("base64")]),
  );
}

it.skipIf(process.platform === "win32")(
  `a trainer that wakes behind its run's end changes no file (${MOMENTS.length} moments, ${canUnshare ? "with unshare" : "host name faked"})`,
  async () => {
    for (const { round, delay } of MOMENTS) {
      const folder = scratchFolder();
      if (round % 2 === 1) {
        // what it takes over itself
        const first = elsewhere(folder, "machine-0");
        while (!existsSync(path.join(runIn(folder) ?? folder, "checkpoint.safetensors"))) await sleep(5);
        first.child.kill("SIGKILL");
        await first.ended;
        silence(folder);
      }
      const tokens = () => (existsSync(lockOf(folder)) ? readFileSync(lockOf(folder), "utf8") : "");
      const before = tokens();
      const slept = elsewhere(folder, "machine-1");
      let over = false;
      void slept.ended.then(() => {
        over = true;
      });
      while (!over && (tokens() === "" || tokens() === before)) await sleep(1);
      await sleep(delay);
      slept.child.kill("SIGSTOP");
      silence(folder);
      const other = here(folder);
      expect(await other.ended, other.said()).toBe(0);
      const after = contents(folder);
      expect(JSON.parse(readFileSync(path.join(runIn(folder)!, "status.json"), "utf8")).state).toBe(
        "finished",
      );
      slept.child.kill("SIGCONT");
      const end = await slept.ended;
      // 0 where it had ended before, or had not yet begun
      expect([0, 1], slept.said()).toContain(end);
      // it cannot have slept while the other worked: that one has finished the run when this one wakes
      if (end === 1)
        expect(slept.said()).toMatch(
          /got a run that process \d+ on \S+ took over: it finished it at [-\d]{10} [:\d]{8}, expected/,
        );
      expect(contents(folder)).toEqual(after);
    }
  },
);
