import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processLives, type RunStatus, readEvents, readStatus } from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hasTmux, Tmux } from "../../dashboard/test/tmux.ts";
import { bin, phew } from "./phew.ts";

const isBuilt = existsSync(new URL("../dist/main.js", import.meta.url));
/** A run that goes on for longer than the test. */
const TRAIN =
  "train lenet5 --classes 4 --train-count 400 --test-count 40 --density 0.2 --epochs 5000 --no-figures";

let root: string;
let terminal: Tmux;
const started: number[] = [];

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "phew-watched-"));
  terminal = new Tmux(150, 36);
});
afterEach(() => {
  terminal.close();
  for (const pid of started.splice(0)) if (processLives(pid)) process.kill(pid, "SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

function watched(command: string): void {
  terminal.type(`clear; ${process.execPath} ${bin} ${command} --runs ${root} --watch; echo ended with $?`);
}

/** The one run below the root. */
function theRun(): { folder: string; status: RunStatus } {
  const [experiment = ""] = readdirSync(root);
  const [id = ""] = readdirSync(path.join(root, experiment));
  const folder = path.join(root, experiment, id);
  const status = readStatus(folder)!;
  if (!started.includes(status.pid)) started.push(status.pid);
  return { folder, status };
}

async function until(condition: () => boolean): Promise<void> {
  const endT = Date.now() + 30_000;
  while (!condition()) {
    if (Date.now() > endT) throw new Error(`never came true: ${condition}`);
    await delay(50);
  }
}

describe.skipIf(!hasTmux || !isBuilt)(
  "a run that is started with its screen (needs tmux and a build)",
  () => {
    it("is stopped after a checkpoint, goes on from it with the same command, and is killed, as its user answers", async () => {
      watched(TRAIN);
      await terminal.shows(/● training[\s\S]*epoch \d+\/5,?000/);
      terminal.keys("q");
      await terminal.shows(/The run goes on[\s\S]*l +leave it running[\s\S]*s +stop it[\s\S]*k +kill it/);
      terminal.keys("Escape");
      await delay(200);
      expect(terminal.screen().join("\n")).not.toContain("kill it");
      terminal.keys("q", "s");
      const stopped = await terminal.shows(/the same command goes on with\s+it\s+ended with 130/);
      expect(stopped).toContain("started");
      const { folder, status } = theRun();
      expect(status.state).toBe("interrupted");
      expect(status.checkpoint!.step).toBeGreaterThan(0);
      expect(existsSync(path.join(folder, "checkpoint.safetensors"))).toBe(true);
      expect(terminal.variable("alternate_on")).toBe("0");

      watched(TRAIN);
      // on the screen its line of the log soon scrolls away
      const resumed = new RegExp(`"kind":"run.resumed".*"step":${status.checkpoint!.step}\\b`);
      await until(() => resumed.test(readFileSync(path.join(folder, "events.jsonl"), "utf8")));
      await terminal.shows(/● training/);
      terminal.keys("q", "k");
      await terminal.shows(
        /Ended by SIGKILL\. The same command goes on from the last checkpoint[\s\S]*ended with 130/,
      );
      const killed = theRun().status;
      expect(killed.state).toBe("running");
      expect(processLives(killed.pid)).toBe(false);
      expect((await phew(["watch", root, "--once"])).stdout).toMatch(/^lost /m);
    });

    it("is left running, and is none the worse for it", async () => {
      watched(TRAIN);
      await terminal.shows(/● training/);
      // the second Ctrl-C is as good as "leave it running"
      terminal.keys("C-c", "C-c");
      const text = await terminal.shows(/It goes on as process \d+[\s\S]*ended with 0/);
      const { folder, status } = theRun();
      expect(text).toContain(`process ${status.pid}:`);
      const before = readFileSync(path.join(folder, "events.jsonl")).length;
      await until(() => readFileSync(path.join(folder, "events.jsonl")).length > before);
      process.kill(status.pid, "SIGINT");
      await until(() => theRun().status.state === "interrupted");
    });

    it("goes on where its terminal is closed", async () => {
      watched(TRAIN);
      await terminal.shows(/● training/);
      terminal.close();
      await delay(300);
      const { folder, status } = theRun();
      const before = readFileSync(path.join(folder, "events.jsonl")).length;
      await until(() => readFileSync(path.join(folder, "events.jsonl")).length > before);
      process.kill(status.pid, "SIGINT");
      await until(() => theRun().status.state === "interrupted");
    });

    it("may be a pruning, whose words come when the screen is left", async () => {
      watched("prune lenet5 --density 0.05");
      await terminal.shows(/✓ finished[\s\S]*density reached/);
      terminal.keys("q");
      await terminal.shows(/Masks and events are in [\s\S]*ended with 0/);
      const kinds = [...readEvents(theRun().folder)].map(({ kind }) => kind);
      expect(kinds).toContain("prune.finished");
    });

    it("may be a sweep, of which nothing else is shown, and which is cancelled from the screen", async () => {
      const other = path.join(root, "other", "aaaaaaaaaa-0");
      mkdirSync(other, { recursive: true });
      writeFileSync(path.join(other, "config.json"), JSON.stringify({ experiment: "other", config: {} }));
      const file = path.join(root, "s.json");
      const settings = { model: "lenet5", dataset: "glyphs", classCount: 4, trainCount: 400, testCount: 40 };
      writeFileSync(
        file,
        JSON.stringify({
          settings: { ...settings, epochs: 5000, density: 0.2 },
          seeds: 3,
          workers: 1,
          threads: 1,
        }),
      );
      watched(`sweep ${file}`);
      const begun = await terminal.shows(/0 of 3 done · 1 running · 2 waiting/);
      expect(begun).not.toMatch(/other|aaaaaaaaaa/);
      await terminal.shows(/● training|running +[█▏▎▍▌▋▊▉]*░* +[\d.]+ %/);
      const runs = readdirSync(path.join(root, "s")).filter((name) => /-\d$/.test(name));
      expect(runs).toHaveLength(1);
      const run = path.join(root, "s", runs[0]!);
      await until(
        () => (readStatus(run)?.checkpoint?.step ?? 0) >= 0 && readStatus(run)?.state === "running",
      );
      started.push(readStatus(run)!.pid);
      terminal.keys("a");
      await terminal.shows(/c +cancel: 1 run stops at a checkpoint, 2 do not begin/);
      terminal.keys("c");
      await terminal.shows(/0 of 3 done · 2 waiting · 1 (interrupted|stopped) · stopped: a starts the rest/);
      expect(readStatus(run)).toMatchObject({ state: "interrupted" });
      terminal.keys("q");
      const text = await terminal.shows(/ended with 130/);
      expect(text.replace(/\n/g, "")).toMatch(
        /stopped: 0 of 3 runs finished, 1 stopped on the way, 2 not begun\. To go on: phew sweep \S+s\.json/,
      );
    });

    it("may be a comparison, whose masks are runs", async () => {
      watched("compare vgg11-bn --method phew,random,erk --density 0.1,0.05 --seeds 2 --workers 1");
      const begun = await terminal.shows(/ of 6 done · 1 running · \d+ waiting/);
      expect(begun).toMatch(/of 6 done.* left/);
      terminal.keys("q");
      await terminal.shows(/k +kill it/);
      terminal.keys("k");
      await terminal.shows(/Ended by SIGKILL|ended with/);
    });

    it("may be a comparison that ends", async () => {
      watched("compare lenet5 --method phew,random --density 0.2 --workers 1");
      await terminal.shows(/2 of 2 done · all done/);
      terminal.keys("q");
      await terminal.shows(/2 masks in [\s\S]*The masks are runs below \S+[\s\S]*ended with 0/);
      expect(readdirSync(path.join(root, "compare")).filter((name) => /-0$/.test(name))).toHaveLength(2);
    });

    it("that could not begin leaves its reason, and no screen", async () => {
      watched("train lenet5 --dataset mnist --density 0.05");
      await terminal.shows(/data folder: got none[\s\S]*ended with 1/);
      expect(terminal.variable("alternate_on")).toBe("0");
      expect(terminal.variable("cursor_flag")).toBe("1");
    });

    it("needs a terminal", async () => {
      const { exitCode, stderr } = await phew([
        "prune",
        "lenet5",
        "--density",
        "0.1",
        "--watch",
        "--runs",
        root,
      ]);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(
        /^phew: --watch: got without a terminal, expected a terminal for the screen\. .*phew watch\.\n$/,
      );
    });
  },
);
