/**
 * Runs that are killed, stopped, or run out of disk, and are gone on with by the same command, end as one that nothing
 * happened to: weights, masks and metrics with the same bytes, events and TensorBoard records equal but for their times.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Random } from "@phew/engine";
import { describe, expect, it } from "vitest";
import { caseCount, isLong, longCases } from "../../../vitest.long.ts";
import { bin, scratchFolder } from "./phew.ts";

const BASE = "--classes 4 --test-count 32 --batch-size 32 --density 0.2 --no-figures".split(" ");
const QUICK = "--threads 1 --checkpoint-steps 4".split(" ");
const SPARSE = ["train", "lenet5", ...BASE, ...QUICK, "--train-count", "480", "--epochs", "3"];
/** The network of a model file, from the weights that it has. */
const IMPORTED = [
  ...["train", fileURLToPath(new URL("fixtures/resnet.script.onnx", import.meta.url))],
  ...[...BASE, ...QUICK, "--train-count", "256", "--epochs", "2"],
];
const TENSORFLOW = [
  ...["train", "lenet5", ...BASE],
  ..."--executor tensorflow --checkpoint-steps 2 --train-count 160 --epochs 2".split(" "),
];

/** The masks change before every other step: a change of rigl takes the step's place, one of path-rewire does not. */
const REWIRED = ["rigl", "path-rewire"].map((rule) => [
  ...SPARSE,
  ...["--rule", rule, "--rule-option", "every=2"],
]);

interface End {
  readonly code: number | null;
  readonly stderr: string;
}

/** A training process in `folder`; `begun` once it has the run. */
function start(args: readonly string[], folder: string) {
  const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<End>((resolve) => child.on("close", (code) => resolve({ code, stderr })));
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const until = async (holds: () => boolean) => {
    while (!over && !holds()) await sleep(2);
  };
  return { child, ended, until };
}

/** The one run below `folder`; undefined before there is one. */
function runIn(folder: string): string | undefined {
  const experiment = path.join(folder, "runs", "train");
  const [name] = existsSync(experiment) ? readdirSync(experiment) : [];
  return name === undefined ? undefined : path.join(experiment, name);
}

function ownerOf(folder: string): number | undefined {
  const run = runIn(folder);
  try {
    return run === undefined ? undefined : JSON.parse(readFileSync(path.join(run, "lock"), "utf8")).pid;
  } catch {
    return undefined;
  }
}

/** What must not depend on what happened to the run. */
function lasting(folder: string) {
  const run = runIn(folder)!;
  const bytes = (name: string) => readFileSync(path.join(run, name)).toString("base64");
  return {
    weights: bytes("checkpoint.safetensors"),
    masks: bytes("masks.safetensors"),
    metrics: bytes("metrics.csv"),
    config: bytes("config.json"),
    events: eventsOf(run),
    tensorboard: recordsOf(path.join(run, "tb")),
    state: JSON.parse(readFileSync(path.join(run, "status.json"), "utf8")).state,
  };
}

function eventsOf(run: string): object[] {
  return readFileSync(path.join(run, "events.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind !== "run.resumed" && kind !== "prune.progress")
    .map(({ t: _, elapsedMs: __, imagesPerSecond: ___, layerMs: ____, ...rest }) => rest);
}

/**
 * Records of all files in order, without wall times, that at the end of a session's record among them, and without images
 * a second; those that only begin a file are left out.
 */
function recordsOf(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const bytes = readFileSync(path.join(folder, name));
      const records: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = Number(bytes.readBigUInt64LE(at));
        // field 1, eight bytes, is the wall time
        records.push(bytes.subarray(at + 12 + 9, at + 12 + length).toString("latin1"));
        at += 16 + length;
      }
      return records;
    })
    .filter((record) => !record.includes("brain.Event:2") && !record.endsWith(":\u0002\u0008\u0001"))
    .map((record) => (record.includes("_hparams_/") ? record.slice(0, -8) : record))
    .map((record) => record.replace(/(?<=train\/images_per_second.)[\s\S]{4}/, ""));
}

const whole = new Map<string, ReturnType<typeof lasting>>();

/** What the run comes to when nothing happens to it. */
async function uninterrupted(args: readonly string[]) {
  const known = whole.get(args.join(" "));
  if (known !== undefined) return known;
  const folder = scratchFolder();
  const { code, stderr } = await start(args, folder).ended;
  expect(code, stderr).toBe(0);
  const result = lasting(folder);
  expect(result.state).toBe("finished");
  whole.set(args.join(" "), result);
  return result;
}

/** Sends the signal at random moments, again and again, until it has hit `count` times; runs that end are compared. */
async function disturbed(
  args: readonly string[],
  signal: "SIGKILL" | "SIGTERM",
  count: number,
  most: number,
) {
  const expected = await uninterrupted(args);
  const random = new Random(11, 5);
  let [hits, finished] = [0, 0];
  let folder = scratchFolder();
  while (hits < count || finished === 0) {
    const { child, ended, until } = start(args, folder);
    await until(() => ownerOf(folder) === child.pid);
    if (hits < count) {
      await Promise.race([sleep(random.nextFloat() * most), ended]);
      child.kill(signal);
    }
    const { code, stderr } = await ended;
    if (code === 0) {
      finished++;
      expect(lasting(folder)).toEqual(expected);
      folder = scratchFolder();
      continue;
    }
    hits++;
    expect(code, stderr).toBe(signal === "SIGKILL" ? null : 130);
    if (signal === "SIGTERM") expect(stderr).toMatch(/phew: stopped; .* the same command goes on with it\n$/);
  }
  return { hits, finished };
}

describe("a run", () => {
  const kills = caseCount(2, 20);
  it(`that is killed at ${kills} random moments ends with the same bytes`, async () => {
    const { hits } = await disturbed(SPARSE, "SIGKILL", kills, 250);
    expect(hits).toBe(kills);
  });

  it.each(longCases(REWIRED))(
    "whose masks change (%#) and that is killed ten times ends with the same bytes",
    async (...args) => {
      expect((await disturbed(args, "SIGKILL", 10, 1000)).hits).toBe(10);
    },
  );

  it("whose masks change is killed on two threads, goes on with three, and ends with the bytes of one", async () => {
    const [args] = REWIRED as [string[]];
    const lastingBytes = ({ config: _, events, ...rest }: ReturnType<typeof lasting>) => ({
      ...rest,
      // it says how many threads and how much memory there were
      events: events.filter((event) => !("plannedMemory" in event)),
    });
    const expected = lastingBytes(await uninterrupted(args));
    const folder = scratchFolder();
    const on = (threads: string) => args.map((word, k) => (args[k - 1] === "--threads" ? threads : word));
    const { child, ended, until } = start(on("2"), folder);
    await until(() => existsSync(path.join(runIn(folder) ?? folder, "checkpoint.previous.safetensors")));
    child.kill("SIGKILL");
    await ended;
    const { code, stderr } = await start(on("3"), folder).ended;
    expect(code, stderr).toBe(0);
    expect(lastingBytes(lasting(folder))).toEqual(expected);
  });

  it("that is asked to stop ends with the same bytes, and says 130", async () => {
    const count = caseCount(1, 4);
    expect((await disturbed(SPARSE, "SIGTERM", count, 250)).hits).toBe(count);
  });

  it("of a model file's network that is killed ends with the same bytes", async () => {
    const count = caseCount(1, 10);
    expect((await disturbed(IMPORTED, "SIGKILL", count, 250)).hits).toBe(count);
  });

  it.runIf(isLong)("on the tensorflow executor ends with the same bytes too", async () => {
    expect((await disturbed(TENSORFLOW, "SIGKILL", 1, 800)).hits).toBe(1);
  });

  it("is one process's at a time: a second one fails with a message", async () => {
    const folder = scratchFolder();
    const first = start(SPARSE, folder);
    await first.until(() => ownerOf(folder) === first.child.pid);
    first.child.kill("SIGSTOP");
    const second = await start(SPARSE, folder).ended;
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`process ${first.child.pid} on`),
    });
    first.child.kill("SIGCONT");
    expect((await first.ended).code).toBe(0);
    expect(lasting(folder)).toEqual(await uninterrupted(SPARSE));
  });
});

/** A small disk of its own; undefined where this user may mount none. */
function smallDisk(folder: string, megabytes: number): (() => void) | undefined {
  mkdirSync(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  return () => execFileSync("umount", [folder]);
}

it("a full disk is said, spoils no checkpoint, and once there is space the run goes on", async ({ skip }) => {
  const disk = path.join(scratchFolder(), "disk");
  const unmount = smallDisk(disk, 6);
  if (unmount === undefined) return skip("this user may mount no small disk");
  try {
    const { child, ended, until } = start(SPARSE, disk);
    // once it trains, nothing is left for it
    await until(() => existsSync(path.join(runIn(disk) ?? disk, "checkpoint.previous.safetensors")));
    child.kill("SIGSTOP");
    const filler = path.join(disk, "filler");
    expect(() => writeFileSync(filler, Buffer.alloc(8 * 2 ** 20))).toThrow("ENOSPC");
    child.kill("SIGCONT");
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/phew: .*: got no space left on the disk, .*Free some space/);
    expect(code).toBe(1);
    rmSync(filler);
    const again = await start(SPARSE, disk).ended;
    expect(again.stderr).toMatch(
      /^\S+: (failed|broken off) after step \d+, goes on; its data come first \(glyphs\)\n/,
    );
    expect(again.stderr).toContain("resumed in epoch");
    expect(again.code, again.stderr).toBe(0);
    expect(lasting(disk)).toEqual(await uninterrupted(SPARSE));
  } finally {
    unmount();
  }
});
