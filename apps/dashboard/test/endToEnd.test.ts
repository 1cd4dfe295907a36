import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RunWriter, writeEventLine } from "@phew/runs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VIEWS } from "../src/views/registry.ts";
import { fakeEvents } from "./fakeRuns.ts";
import { fakeOptions } from "./fakeStates.ts";
import { isBuilt, watchCommand, watchLine } from "./phewWatch.ts";
import { hasTmux, Tmux } from "./tmux.ts";

const runsModule = new URL("../../../packages/runs/dist/index.js", import.meta.url).href;

let root: string;
let terminal: Tmux | undefined;
const writers: RunWriter[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-screen-"));
});
afterEach(() => {
  terminal?.close();
  terminal = undefined;
  for (const writer of writers.splice(0)) writer.close({ state: "interrupted" });
  rmSync(root, { recursive: true, force: true });
});

/** A run of ResNet-20 by PHEW, written up to the event before `end`. */
function writeRun(seed: number, end = "run.finished"): RunWriter {
  const options = fakeOptions({ seed, startT: Date.now() - 20_000, stepMs: 50 });
  const config = { model: "resnet20", dataset: "glyphs", method: "phew", density: 0.05, seed };
  const writer = RunWriter.open({
    root,
    experiment: "demo",
    name: `phew seed ${seed}`,
    config,
    defaults: {},
    seed,
  });
  for (const event of fakeEvents({ ...options })) {
    if (event.kind === end) break;
    writer.append(event.kind === "run.started" ? { ...event, name: `phew seed ${seed}` } : event);
  }
  writers.push(writer);
  return writer;
}

function open(columns: number, rows: number, environment: Readonly<Record<string, string>> = {}): Tmux {
  terminal = new Tmux(columns, rows, environment);
  terminal.type("echo what was before");
  return terminal;
}

const watch = (folder = root) => `${watchLine} ${folder}; echo ended with $?`;

describe.skipIf(!hasTmux || !isBuilt)("the screen in a terminal (needs tmux and a build)", () => {
  it("shows a live run as it goes on, obeys keys, takes any size, and gives the terminal back", async () => {
    writeRun(0).close({ state: "finished" });
    const live = writeRun(1, "train.epoch");
    const screen = open(120, 40);
    screen.type(watch());
    await screen.shows(/● training .* phew/);
    await screen.shows(/● 1 running {2}✓ 1 finished/);
    expect(screen.variable("alternate_on")).toBe("1");
    expect(screen.variable("cursor_flag")).toBe("0");

    live.append({
      kind: "train.epoch",
      epoch: 1,
      loss: 1,
      accuracy: 0.6,
      testLoss: 1.1,
      testAccuracy: 0.6543,
      rate: 0.1,
      elapsedMs: 1,
    });
    await screen.shows(/test accuracy 65\.4 %/);
    const half = writeEventLine({
      t: Date.now(),
      kind: "log",
      level: "warning",
      message: "came in two halves",
    });
    appendFileSync(live.path("events.jsonl"), half.slice(0, 40));
    await delay(300);
    appendFileSync(live.path("events.jsonl"), half.slice(40));
    await screen.shows(/!came in two halves/);

    screen.keys("4");
    await screen.shows(/Layers[^\n]* 1–22 of 22[\s\S]*layer3\.2\.conv2 /);
    screen.keys("?");
    await screen.shows(/╭─ Keys/);
    screen.keys("Escape");
    screen.keys("1");
    await screen.shows(/Sweep[\s\S]*progress[\s\S]*Accuracy over density/);
    screen.keys("0");
    await screen.shows(/Measures/);
    screen.keys("Up");
    await screen.shows(/▸✓ phew 5 %/);
    screen.keys("/");
    screen.keys("s", "e", "e", "d", " ", "1");
    await screen.shows(/▸● phew 5 % (· seed 1|s1)/);
    screen.keys("Escape");
    await screen.shows(/2\/2/);

    for (const [columns, rows] of [
      [60, 20],
      [80, 24],
      [150, 45],
      [100, 30],
    ] as const) {
      screen.resize(columns, rows);
      await screen.shows(/phew 5 % (· seed 1|s1)/);
      await delay(400);
      const lines = screen.screen();
      // nothing of another size is left: every line between head and hints has its borders at both ends
      for (const line of lines.slice(1, rows - 2)) expect(line).toMatch(/^[╭│╰┏┃┗].*[╮│╯┓┃┛]$/u);
      expect(lines.slice(rows - 1).join("")).toBe("");
      expect(lines.filter((line) => line.startsWith(" PHEW")).length).toBe(1);
    }
    screen.resize(30, 8);
    await screen.shows(/^● phew 5 % · seed 1 [^\n]*\n*$/);
    // larger than when it began: what tmux then puts above what was there before must be blank
    screen.resize(140, 50);
    await screen.shows(/Layers/);

    live.close({ state: "finished" });
    await screen.shows(/✓ 2 finished/);
    screen.keys("q");
    const after = await screen.shows(/ended with 0/);
    expect(after).not.toContain("┃");
    expect(after).toContain("what was before");
    expect(after).not.toContain("Layers");
    expect(screen.variable("alternate_on")).toBe("0");
    expect(screen.variable("cursor_flag")).toBe("1");
    // the shell gets its keys back, line editing included
    screen.type("echo still a sh\bhell");
    await screen.shows(/still a shell/);
  });

  it("begins with the view that is asked for", async () => {
    writeRun(0).close({ state: "finished" });
    const screen = open(120, 40);
    screen.type(`${watchLine} --view sweep ${root}; echo ended with $?`);
    await screen.shows(/\[1 sweep\][\s\S]*Accuracy over density/);
    screen.keys("q");
    await screen.shows(/ended with 0/);
  });

  it("tells that a trainer was killed", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const live = writeRun(0, "train.epoch");
    const status: object = JSON.parse(readFileSync(live.path("status.json"), "utf8"));
    live.close({ state: "interrupted" });
    writeFileSync(
      live.path("status.json"),
      JSON.stringify({
        ...status,
        state: "running",
        pid: child.pid,
        started: undefined,
        updatedT: Date.now(),
      }),
    );
    const screen = open(80, 24);
    screen.type(watch());
    await screen.shows(/● 1/);
    child.kill("SIGKILL");
    await screen.shows(/\? lost[\s\S]*gone without a last word/);
    screen.keys("q");
    await screen.shows(/ended with 0/);
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("gives the terminal back on %s", async (signal, code) => {
    writeRun(0).close({ state: "finished" });
    const screen = open(80, 24);
    const pidFile = join(root, "pid");
    screen.type(`sh -c 'echo $$ > ${pidFile}; exec ${watchLine} ${root}'; echo ended with $?`);
    await screen.shows(/✓ finished/);
    process.kill(Number(readFileSync(pidFile, "utf8")), signal);
    await screen.shows(new RegExp(`what was before[\\s\\S]*ended with ${code}`));
    expect(screen.variable("alternate_on")).toBe("0");
    expect(screen.variable("cursor_flag")).toBe("1");
  });

  it.each([
    ["of itself", 'setTimeout(()=>{throw new Error("made to crash")},2000)'],
    [
      "inside a view",
      'setTimeout(()=>{String.prototype.repeat=()=>{throw new Error("made to crash")}},1000)',
    ],
  ])("gives the terminal back when it crashes %s, then says why", async (_, crash) => {
    writeRun(0).close({ state: "finished" });
    const loaded = JSON.stringify(`data:text/javascript,${crash}`);
    const screen = open(80, 24, { NODE_OPTIONS: `--import ${loaded}` });
    screen.type(watch());
    await screen.shows(/✓ finished/);
    await delay(1200);
    // a new frame, with lines and bars
    screen.resize(130, 60);
    const after = await screen.shows(/what was before[\s\S]*made to crash[\s\S]*ended with 1/);
    expect(after).not.toContain("Layers");
    expect(screen.variable("alternate_on")).toBe("0");
    expect(screen.variable("cursor_flag")).toBe("1");
  });

  it("is the same by the name of any terminal", async () => {
    writeRun(0).close({ state: "finished" });
    const screen = open(80, 24);
    for (const name of ["xterm", "xterm-256color", "screen", "linux"]) {
      screen.type(`clear; TERM=${name} ${watch()}`);
      await screen.shows(/▸✓ phew 5 %/);
      screen.keys("4");
      await screen.shows(/\[4 layers\]/);
      screen.keys("q");
      await screen.shows(/ended with 0/);
      expect(screen.variable("alternate_on")).toBe("0");
      expect(screen.variable("cursor_flag")).toBe("1");
    }
  });

  it("obeys the mouse and copies, where the terminal has that, and gives both back", async () => {
    writeRun(0).close({ state: "finished" });
    const screen = open(120, 40);
    screen.letCopy();
    screen.type(watch());
    await screen.shows(/✓ finished/);
    // keys are read once Ink is loaded
    await delay(1000);
    const modes = () =>
      ["mouse_standard_flag", "mouse_sgr_flag"].map((name) => screen.variable(name)).join("");
    expect(modes()).toBe("11");
    const column = screen.screen()[0]!.indexOf("4 lay") + 1;
    screen.sends(`\u001b[<0;${column};1M\u001b[<0;${column};1m`);
    await screen.shows(/\[4 layers\]/);
    screen.sends("\u001b[<65;90;20M\u001b[<65;90;20M");
    await screen.shows(/┏━ Layers/);
    screen.keys("c");
    const id = readdirSync(join(root, "demo"))[0]!;
    await screen.shows(new RegExp(`OSC 52\\): ${id}`));
    await expect.poll(() => screen.copied()).toBe(id);
    screen.keys("M");
    await expect.poll(modes).toBe("00");
    screen.keys("M");
    await expect.poll(modes).toBe("11");
    screen.keys("q");
    await screen.shows(/ended with 0/);
    expect(modes()).toBe("00");
  });

  it("shows what the process of a run prints", async () => {
    const log = join(root, "printed.log");
    const script = `import { RunWriter } from ${JSON.stringify(runsModule)};
      const writer = RunWriter.open({ root: ${JSON.stringify(root)}, experiment: "demo", name: "x", config: {}, defaults: {}, seed: 0 });
      console.error("first words"); process.stdin.once("data", () => { console.error("last words"); process.kill(process.pid, "SIGKILL"); });`;
    const file = openSync(log, "w");
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "ignore", file],
    });
    closeSync(file);
    const screen = open(100, 30);
    screen.type(`${watchLine} --view output ${root}; echo ended with $?`);
    await screen.shows(/Output ━+ \S*printed\.log[\s\S]*first words/);
    child.stdin!.write("\n");
    await screen.shows(/\? lost[\s\S]*last words/);
    screen.keys("q");
    await screen.shows(/ended with 0/);
  });

  it("has colours, and none with NO_COLOR", async () => {
    writeRun(0).close({ state: "finished" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
    const colour = /\u001b\[[\d;]*3[0-7]m/;
    const plain = open(80, 24, { NO_COLOR: "1" });
    plain.type(watch());
    await plain.shows(/✓ finished/);
    expect(plain.styledScreen()).not.toMatch(colour);
    plain.close();
    const coloured = open(80, 24);
    coloured.type(watch());
    await coloured.shows(/✓ finished/);
    expect(coloured.styledScreen()).toMatch(colour);
  });

  it("prints lines on a terminal that cannot do more, or when asked to", async () => {
    writeRun(0).close({ state: "finished" });
    const screen = open(100, 60);
    screen.type(`TERM=dumb ${watch()}`);
    await screen.shows(/trained: test accuracy[\s\S]*ended with 0/);
    screen.type(`${watchLine} ${root} --once; echo once ended with $?`);
    await screen.shows(/finished +100 %[\s\S]*once ended with 0/);
    expect(screen.variable("alternate_on")).toBe("0");
  });
});

describe.skipIf(!isBuilt)("the dashboard in a pipe (needs a build)", () => {
  const run = (...args: readonly string[]) =>
    spawnSync(watchCommand[0], [...watchCommand.slice(1), ...args], {
      encoding: "utf8",
      env: { ...process.env, FORCE_COLOR: "1" },
    });

  it("prints lines without escape sequences and ends with the last run", () => {
    writeRun(0).close({ state: "finished" });
    const { stdout, stderr, status } = run(root);
    expect(status).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).not.toContain("\u001b");
    expect(stdout.trim().split("\n").length).toBe(14);
  });

  it("fails in one line where the folder is missing or an option is unknown", () => {
    const missing = run(join(root, "nowhere"));
    expect([missing.status, missing.stdout]).toEqual([1, ""]);
    expect(missing.stderr).toMatch(/^[^\n]*got a folder that is not there, [^\n]*phew train --help\.\n$/);
    const unknown = run("--oce");
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/^phew: unknown option '--oce' \(Did you mean --once\?\)[^\n]*\n$/);
    const view = run("--view", "swep");
    expect(view.status).toBe(2);
    expect(view.stderr).toMatch(/^phew: --view: got "swep"[^\n]*Did you mean "sweep"\?\n$/);
    const help = run("--help").stdout.replace(/\s+/g, " ");
    expect(help).toContain(`first: ${VIEWS.map(({ name }) => name).join(", ")}`);
  });

  it("ends quietly where its reader has seen enough", () => {
    writeRun(0).close({ state: "finished" });
    const { stdout, stderr } = spawnSync("sh", ["-c", `${watchLine} ${root} | head -n 1`], {
      encoding: "utf8",
    });
    expect(stdout).toMatch(/started\n$/);
    expect(stderr).toBe("");
  });
});
