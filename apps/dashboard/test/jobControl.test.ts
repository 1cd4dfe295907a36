/** The screen as a job of an interactive shell: Ctrl-Z, fg, bg, &, and a terminal that is closed. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isBuilt, watchCommand, watchLine } from "./phewWatch.ts";
import { hasTmux, Tmux } from "./tmux.ts";

const hasBash = spawnSync("bash", ["--version"]).status === 0;

let root: string;
let terminal: Tmux;
/** Leaves its process id in a file. */
const watch = () => `sh -c 'echo $$ > ${root}.pid; exec ${watchLine} ${root}'`;
const send = (signal: NodeJS.Signals) => process.kill(Number(readFileSync(`${root}.pid`, "utf8")), signal);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "phew-job-"));
  terminal = new Tmux(80, 24);
  terminal.type("exec env PS1='$ ' bash --norc --noediting -i");
  terminal.type("echo before");
});
afterEach(() => {
  terminal.close();
  rmSync(root, { recursive: true, force: true });
  rmSync(`${root}.pid`, { force: true });
});

/** The shell's screen, with this on it, and the terminal in the modes of a shell. */
async function isShells(pattern: RegExp): Promise<void> {
  await terminal.shows(pattern);
  expect(terminal.variable("alternate_on")).toBe("0");
  expect(terminal.variable("cursor_flag")).toBe("1");
  // nor does it tell of its mouse any more
  expect(terminal.variable("mouse_any_flag")).toBe("0");
  // what is typed is seen, a line at a time: no raw mode. A line that comes while the screen is still giving the terminal
  // back is thrown away with what it left unread, so that it is typed again until it is answered
  const mark = `mark${Math.round(performance.now())}`;
  const answered = new RegExp(`(^|\\$ )${mark}-cooked`, "m");
  for (let attempt = 0; attempt < 5; attempt++) {
    terminal.type(`stty -a | grep -qw icanon && stty -a | grep -qw echo && echo ${mark}-cooked`);
    if (await terminal.shows(answered, 5000).catch(() => undefined)) return;
  }
  await terminal.shows(answered);
}

async function isScreens(): Promise<void> {
  await terminal.shows(/PHEW/);
  await terminal.shows(/\? help/);
  expect(terminal.variable("alternate_on")).toBe("1");
  expect(terminal.variable("cursor_flag")).toBe("0");
  expect(terminal.variable("mouse_any_flag")).toBe("1");
}

async function quit(): Promise<void> {
  terminal.keys("q");
  await expect.poll(() => terminal.variable("alternate_on"), { timeout: 120_000 }).toBe("0");
  await isShells(/\$/);
}

describe.skipIf(!hasTmux || !hasBash || !isBuilt)(
  "the screen as a job (needs tmux, bash and a build)",
  () => {
    it("Ctrl-Z gives the shell its screen, fg paints all of it again, to the size it has then", async () => {
      terminal.type(watch());
      await isScreens();
      // keys are read once Ink is loaded
      await delay(1000);
      terminal.keys("C-z");
      await isShells(/Stopped/);
      expect(terminal.screen().join("\n")).toMatch(/before/);
      terminal.resize(100, 30);
      terminal.type("fg");
      await isScreens();
      // the last line of a frame is the last but one of the terminal
      await expect.poll(() => terminal.screen()[28], { timeout: 120_000 }).toMatch(/help/);
      terminal.keys("C-z");
      await isShells(/Stopped/);
      terminal.type("fg");
      await isScreens();
      await quit();
    });

    it("in the background it paints nothing and waits, also after bg, and comes with fg", async () => {
      terminal.type(`${watch()} &`);
      await terminal.shows(/Stopped|stopped|\[1\]/);
      await delay(1000);
      await isShells(/\[1\]/);
      terminal.type("bg; sleep 0.5; jobs; echo asked");
      await isShells(/^asked/m);
      expect(terminal.screen().join("\n")).toMatch(/Stopped/);
      terminal.type("fg");
      await isScreens();
      await quit();
    });

    it.each(["SIGTSTP", "SIGSTOP"] as const)("is itself again after %s and fg", async (signal) => {
      terminal.type(watch());
      await isScreens();
      send(signal);
      await terminal.shows(/Stopped/);
      if (signal === "SIGTSTP") await isShells(/Stopped/);
      terminal.type("fg");
      await isScreens();
      // painted, not left over: a line of the frame that the shell had written over
      await expect.poll(() => terminal.screen().join("\n"), { timeout: 120_000 }).not.toMatch(/Stopped|fg/);
      await quit();
    });

    it("waits with a word where there is no folder of runs yet, and shows the first run", async () => {
      terminal.type(`cd ${root} && ${watchLine}`);
      await terminal.shows(/No runs in runs yet/);
      mkdirSync(join(root, "runs", "train", "0123456789-0"), { recursive: true });
      writeFileSync(join(root, "runs", "train", "0123456789-0", "config.json"), "{}");
      await terminal.shows(/waiting/);
      await quit();
    });

    it("SIGHUP gives the terminal back, and says so with its exit code", async () => {
      terminal.type(`${watch()}; echo ended with $?`);
      await isScreens();
      send("SIGHUP");
      await isShells(/ended with 129/);
    });

    it("ends without a crash where the terminal is closed, at any moment", async () => {
      const wait = `import os, pty, select, sys, time
for k in range(6):
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.argv[1], sys.argv[1:])
    end = time.time() + 0.3 + 0.25 * k
    while time.time() < end:
        if select.select([fd], [], [], 0.05)[0]:
            os.read(fd, 65536)
    os.close(fd)
    status = os.waitpid(pid, 0)[1]
    print(os.waitstatus_to_exitcode(status))`;
      const { stdout, status } = spawnSync("python3", ["-c", wait, ...watchCommand, root], {
        encoding: "utf8",
        timeout: 240_000,
        env: { ...process.env, TERM: "xterm" },
      });
      expect(status).toBe(0);
      // by SIGHUP before there is a handler, and with its exit code after; never by SIGABRT or SIGSEGV
      for (const code of stdout.trim().split("\n")) expect(["-1", "129"]).toContain(code);
    });
  },
);
