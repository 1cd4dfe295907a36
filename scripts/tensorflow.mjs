/**
 * Native TensorFlow for `--executor tensorflow` in a clone of the repository: sets up, installs the package
 * @tensorflow/tfjs-node beside the workspace, then its native part, by the package's own installer or, where its download
 * is refused, from the C library of the tensorflow-cpu wheel (Linux, a C++ compiler, pip, 2 GiB while it works). What is
 * installed stays only if it then trains.
 *   npm run tensorflow
 */
import { fileURLToPath } from "node:url";
import { installInto } from "./tensorflow/install.mjs";
import { officialInstaller } from "./tensorflow/officialInstaller.mjs";
import { fetchPackage } from "./tensorflow/package.mjs";
import { faultIn, runProgram } from "./tensorflow/program.mjs";
import { wheel } from "./tensorflow/wheel.mjs";

const stopped = new AbortController();
const { signal } = stopped;
for (const name of ["SIGINT", "SIGTERM"])
  process.once(name, () => stopped.abort(new Error(`stopped by ${name}`)));
const tell = (text) => process.stderr.write(`${text}\n`);
const onNote = (text) => tell(`${text} …`);

/** A process of its own: an addon that does not fit may end the process that loads it. */
async function prove() {
  const program = fileURLToPath(new URL("tensorflow/proof.mjs", import.meta.url));
  const output = await runProgram({
    command: process.execPath,
    args: [program, "tfjs-node"],
    cwd: process.cwd(),
    timeoutMs: 5 * 60_000,
    signal,
  });
  return JSON.parse(output.trim().split("\n").at(-1));
}

try {
  await import("./setup.mjs");
  const folder = await fetchPackage({ onNote, signal });
  const means = { ways: [officialInstaller, wheel], prove };
  const { way, failures, proof } = await installInto(folder, means, { onNote, signal });
  for (const failure of failures) tell(`${failure.way} failed: ${failure.reason}`);
  const [before, after] = proof.losses.map((loss) => loss.toFixed(4));
  tell(
    `${way === undefined ? "It was installed before" : `Installed by ${way}`}; a training step lowers the loss from ` +
      `${before} to ${after}, as the sparse executor's does.`,
  );
} catch (error) {
  tell(`tensorflow: ${faultIn(error.message) ?? error.message}`);
  process.exitCode = 1;
}
