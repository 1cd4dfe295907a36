/** A program that works for the installer: awaited, stopped with the signal or when its time is over, quoted where it fails. */
import { spawn } from "node:child_process";

/** Characters that are kept of what a program writes. */
const OUTPUT_KEPT = 20_000;

/**
 * @param program `{ command, args, cwd, environment?, timeoutMs, signal? }`
 * @returns the last of what it wrote to standard output
 * @throws Error in one line saying why it failed; signal.reason
 */
export async function runProgram({ command, args, cwd, environment, timeoutMs, signal }) {
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    // a group of its own: an installer's own children end with it
    detached: process.platform !== "win32",
  });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output = (output + chunk).slice(-OUTPUT_KEPT);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    errors = (errors + chunk).slice(-OUTPUT_KEPT);
  });
  let tooLong = false;
  const stop = () => killGroup(child.pid);
  const timer = setTimeout(() => {
    tooLong = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const end = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, killed) => resolve(code === 0 ? undefined : (killed ?? `exit code ${code}`)));
    });
    signal?.throwIfAborted();
    if (tooLong) throw new Error(`${command} was stopped: not done after ${timeoutMs / 1000} s`);
    if (end !== undefined) throw new Error(faultIn(`${output}\n${errors}`) ?? `${command} ended with ${end}`);
    return output;
  } catch (error) {
    if (error.code === "ENOENT") throw new Error(`${command} is not installed`);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

/** What a program says went wrong: the last line that names an error, else the last line. */
export function faultIn(output) {
  const lines = output.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  const line = lines.findLast((line) => /\b\w*error: /i.test(line)) ?? lines.at(-1);
  return line?.trim().replace(/^error: /i, "");
}

function killGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
