/** The package `@tensorflow/tfjs-node` for a clone: no part of the workspace, because 180 MB come with it. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./program.mjs";

const NAME = "@tensorflow/tfjs-node";
const CORE = "@tensorflow/tfjs-core";
/** What its addon is compiled with, see wheel.mjs. */
const HEADERS = "node-api-headers@1.9.0";
const root = fileURLToPath(new URL("../..", import.meta.url));
const training = join(root, "packages", "training");
/** pnpm leaves what begins with a dot alone. */
const place = join(root, "node_modules", ".tensorflow");

/**
 * Installs the package, without its native part, where it is not there, and links it into packages/training.
 * @returns its folder
 * @throws Error in one line saying why npm cannot; signal.reason
 */
export async function fetchPackage({ onNote, signal }) {
  const { peerDependencies } = JSON.parse(readFileSync(join(training, "package.json"), "utf8"));
  const version = peerDependencies[NAME];
  const folder = join(place, "node_modules", NAME);
  if (
    !existsSync(folder) ||
    JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version !== version
  ) {
    onNote(`npm fetches ${NAME}@${version}`);
    mkdirSync(place, { recursive: true });
    await runProgram({
      command: "npm",
      args: [
        "install",
        "--prefix",
        place,
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        `${NAME}@${version}`,
        HEADERS,
      ],
      cwd: place,
      timeoutMs: 15 * 60_000,
      signal,
    });
  }
  const used = join(training, "node_modules");
  link(join(used, NAME), folder);
  // one copy in a process: of two, the second takes the platform from the first and says so
  link(join(place, "node_modules", CORE), join(used, CORE));
  return folder;
}

function link(path, target) {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path, "junction");
}
