/** Python as a peer: it reads what we write and writes what we read, where it is installed. */
import { execFileSync } from "node:child_process";

/** Runs a script; its arguments are sys.argv[1:]. @returns what it printed */
export function runPython(script: string, ...args: string[]): string {
  return execFileSync("python3", ["-c", script, ...args], { encoding: "utf8", maxBuffer: 2 ** 28 });
}

/** True where python3 can import all of these. */
export function pythonHas(...modules: string[]): boolean {
  try {
    const script = `import importlib.util as u, sys; sys.exit(any(u.find_spec(m) is None for m in ${JSON.stringify(modules)}))`;
    execFileSync("python3", ["-c", script], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
