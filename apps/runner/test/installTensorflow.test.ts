import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const script = (name: string) => new URL(`../../../scripts/tensorflow/${name}`, import.meta.url);
const { installInto } = await import(script("install.mjs").href);
const { faultIn, runProgram } = await import(script("program.mjs").href);

/** What scripts/tensorflow/install.mjs calls a way. */
interface Way {
  readonly name: string;
  build(workshop: { folder: string }): Promise<void>;
}

/** A package without its native part, in a folder of its own. */
function packageFolder(): string {
  const root = mkdtempSync(join(tmpdir(), "phew-install-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const folder = join(root, "tfjs-node");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), "{}");
  return folder;
}

/** Everything in the package and beside it. */
const contents = (folder: string) => readdirSync(join(folder, ".."), { recursive: true }).sort();

const makesAddon = (folder: string, text = "") => {
  mkdirSync(join(folder, "lib", "napi-v8"), { recursive: true });
  mkdirSync(join(folder, "deps", "lib"), { recursive: true });
  writeFileSync(join(folder, "lib", "napi-v8", "tfjs_binding.node"), text);
};
const good: Way = { name: "good", build: async ({ folder }) => makesAddon(folder, "new") };
const halfway: Way = {
  name: "halfway",
  async build({ folder }) {
    makesAddon(folder);
    rmSync(join(folder, "package.json"));
    throw new Error("the server answered 403.");
  },
};
const empty: Way = { name: "empty", build: async () => {} };
const proof = { losses: [2, 1] };
const prove = async () => proof;

describe("installing the native part of tfjs-node", () => {
  it("takes the first way that leads there, and tells why the ways before did not", async () => {
    const folder = packageFolder();
    const notes: string[] = [];
    const done = await installInto(
      folder,
      { ways: [halfway, empty, good, halfway], prove },
      {
        onNote: (text: string) => notes.push(text),
      },
    );
    expect(done).toEqual({
      way: "good",
      failures: [
        { way: "halfway", reason: "the server answered 403" },
        { way: "empty", reason: "it ended without an error and without an addon" },
      ],
      proof,
    });
    expect(notes).toEqual(["a training step is taken"]);
    expect(existsSync(join(folder, "lib", "napi-v8", "tfjs_binding.node"))).toBe(true);
    expect(readdirSync(join(folder, ".."))).toEqual(["tfjs-node"]);
  });

  it("leaves nothing of ways that fail, and says what each failed with", async () => {
    const folder = packageFolder();
    await expect(installInto(folder, { ways: [halfway, empty], prove }, {})).rejects.toThrow(
      "halfway: the server answered 403; empty: it ended without an error and without an addon. Nothing of it was left behind",
    );
    expect(contents(folder)).toEqual(["tfjs-node", "tfjs-node/package.json"]);
  });

  it("takes away what was built where it does not train", async () => {
    const folder = packageFolder();
    const refuses = async () => Promise.reject(new Error("symbol lookup error: TF_NewStatus"));
    await expect(installInto(folder, { ways: [good], prove: refuses }, {})).rejects.toThrow(
      "good: symbol lookup error: TF_NewStatus",
    );
    expect(contents(folder)).toEqual(["tfjs-node", "tfjs-node/package.json"]);
  });

  it("leaves what works alone, and replaces what does not", async () => {
    const folder = packageFolder();
    makesAddon(folder, "old");
    expect(await installInto(folder, { ways: [good], prove }, {})).toEqual({ failures: [], proof });
    let calls = 0;
    const onceBroken = async () => (calls++ === 0 ? Promise.reject(new Error("it is broken")) : proof);
    expect(await installInto(folder, { ways: [good], prove: onceBroken }, {})).toEqual({
      way: "good",
      failures: [{ way: "what was installed before", reason: "it is broken" }],
      proof,
    });
  });

  it("ends with the signal, leaving nothing, and clears up after an installer that was killed", async () => {
    const folder = packageFolder();
    // no process has this number: it is above what Linux gives
    mkdirSync(join(folder, "..", "tfjs-node-installing-4194999"));
    const stopped = new AbortController();
    const waits: Way = {
      name: "waits",
      async build(workshop) {
        makesAddon(workshop.folder);
        setTimeout(() => stopped.abort(new Error("stopped by the user")), 50);
        const [command, args] = [process.execPath, ["-e", "setInterval(() => {}, 1000)"]];
        await runProgram({ command, args, cwd: workshop.folder, timeoutMs: 60_000, signal: stopped.signal });
      },
    };
    await expect(
      installInto(folder, { ways: [waits, good], prove }, { signal: stopped.signal }),
    ).rejects.toThrow("stopped by the user");
    expect(contents(folder)).toEqual(["tfjs-node", "tfjs-node/package.json"]);
  });
});

describe("the training step that what was installed must take", () => {
  it("lowers the loss as the sparse executor's does", async () => {
    const output = await runProgram({
      command: process.execPath,
      args: [fileURLToPath(script("proof.mjs")), "tfjs-wasm"],
      cwd: tmpdir(),
      timeoutMs: 240_000,
    });
    const [before, after] = JSON.parse(output).losses;
    expect(after).toBeLessThan(before);
  });
});

describe("a program of the installer", () => {
  const run = (script: string, timeoutMs = 60_000) =>
    runProgram({ command: process.execPath, args: ["-e", script], cwd: tmpdir(), timeoutMs });

  it("gives what it wrote to standard output alone", async () => {
    expect(await run("console.log('one'); console.error('two')")).toBe("one\n");
  });

  it("fails with the line that names the error, with its exit code where it said nothing, or with its time", async () => {
    await expect(run("throw new TypeError('no such thing')")).rejects.toThrow(/^TypeError: no such thing$/);
    await expect(run("process.exit(3)")).rejects.toThrow(/ended with exit code 3$/);
    await expect(run("setInterval(() => {}, 1000)", 60)).rejects.toThrow(
      "was stopped: not done after 0.06 s",
    );
    const missing = { command: "no-such-program", args: [], cwd: tmpdir(), timeoutMs: 1000 };
    await expect(runProgram(missing)).rejects.toThrow("no-such-program is not installed");
  });

  it.each([
    [
      "ERROR: Could not find a version\nERROR: No matching distribution found for x\n",
      "No matching distribution found for x",
    ],
    [
      "b.cc:1:10: fatal error: foo.h: No such file\ncompilation terminated.",
      "b.cc:1:10: fatal error: foo.h: No such file",
    ],
    [
      "node:events:502\n\nError: getaddrinfo ENOTFOUND host\n    at x\nEmitted 'error' event on ClientRequest\nNode.js v20",
      "getaddrinfo ENOTFOUND host",
    ],
    ["Killed\n", "Killed"],
  ])("finds what went wrong in %j", (output, fault) => {
    expect(faultIn(output)).toBe(fault);
  });
});
