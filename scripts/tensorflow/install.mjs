/**
 * Installs the native part of `@tensorflow/tfjs-node`, which does not come with the package. Each way works in a copy of
 * the package beside it; what it made is moved into the package and stays there only if it then trains.
 *
 * A way is `{ name, build({ folder, signal, note }) }`: in `folder`, a copy of the package, it makes {@link ADDON} and the
 * libraries it needs in `deps/lib`, or throws an Error in one line saying why it cannot.
 */
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { faultIn } from "./program.mjs";

const ADDON = join("lib", "napi-v8", "tfjs_binding.node");
/** What a way makes, and all that it makes. */
const MADE = ["lib", "deps"];

/**
 * @param folder of the package
 * @param means `ways`, in the order in which they are tried, and `prove()`, which throws where the package, as it is now,
 *   does not train
 * @param options `onNote` receives what is being done; `signal` ends it
 * @returns the way that led there, undefined where it worked before; the failures of those that did not; the proof
 * @throws Error where no way led there, with what was tried and why it failed; signal.reason. Nothing is left of what failed.
 */
export async function installInto(folder, means, options = {}) {
  const failures = [];
  /** Undefined, and a failure more, where the attempt fails. */
  const tried = async (way, attempt) => {
    try {
      return await attempt();
    } catch (error) {
      options.signal?.throwIfAborted();
      failures.push({ way, reason: reasonOf(error) });
      return undefined;
    }
  };
  if (existsSync(join(folder, ADDON))) {
    const proof = await tried("what was installed before", () => means.prove());
    if (proof !== undefined) return { failures, proof };
  }
  for (const way of means.ways) {
    const proof = await tried(way.name, async () => {
      await buildInto(folder, way, options);
      options.onNote?.("a training step is taken");
      return means.prove().catch((error) => {
        removeMade(folder);
        throw error;
      });
    });
    if (proof !== undefined) return { way: way.name, failures, proof };
  }
  throw new Error(
    `nothing installed the native part of tfjs-node. ${failures.map(({ way, reason }) => `${way}: ${reason}`).join("; ")}. ` +
      "Nothing of it was left behind; without it, --executor tensorflow computes in WebAssembly.",
  );
}

/** What the way makes replaces what was there; where it fails, nothing has changed. */
async function buildInto(folder, way, { signal, onNote = () => {} }) {
  const prefix = `${basename(folder)}-installing-`;
  removeAbandoned(dirname(folder), prefix);
  const workshop = join(dirname(folder), `${prefix}${process.pid}`);
  try {
    cpSync(folder, workshop, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !MADE.some((name) => path === join(folder, name)),
    });
    await way.build({ folder: workshop, note: onNote, signal });
    if (!existsSync(join(workshop, ADDON))) throw new Error("it ended without an error and without an addon");
    removeMade(folder);
    for (const name of MADE)
      if (existsSync(join(workshop, name))) renameSync(join(workshop, name), join(folder, name));
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

function removeMade(folder) {
  for (const name of MADE) rmSync(join(folder, name), { recursive: true, force: true });
}

/** Workshops of installers that were killed. */
function removeAbandoned(folder, prefix) {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

function reasonOf({ message }) {
  return (faultIn(message) ?? message).replace(/\.$/, "");
}
