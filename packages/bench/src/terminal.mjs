// Runs a program in its own terminal, made by `script` of util-linux, and reports what it writes and when.
import { spawn } from "node:child_process";

/**
 * Starts a command in a terminal of `columns` × `rows`.
 * @param onText is called with what it writes and the milliseconds since its start
 * @returns keys(text) types, ended resolves with the exit code; pid is that of the command
 */
export function inTerminal(command, { columns = 120, rows = 40, onText = () => {} } = {}) {
  const shell = `stty cols ${columns} rows ${rows}; exec ${command}`;
  const started = performance.now();
  const child = spawn("script", ["-qfec", shell, "/dev/null"], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh" },
  });
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (text) => onText(text, performance.now() - started));
  return {
    pid: child.pid,
    keys: (text) => child.stdin.write(text),
    ended: new Promise((resolve) => child.on("exit", resolve)),
  };
}
