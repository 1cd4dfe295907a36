/**
 * The installer that comes with `@tensorflow/tfjs-node` and that package managers run: it fetches libtensorflow from
 * storage.googleapis.com (or the mirror in `TFJS_NODE_CDN_STORAGE`), then the addon, or builds that with node-gyp.
 */
import { delimiter, dirname, join } from "node:path";
import { runProgram } from "./program.mjs";

const TIMEOUT_MS = 15 * 60_000;

export const officialInstaller = {
  name: "its own installer",
  async build({ folder, signal, note }) {
    note("its own installer fetches TensorFlow's C library");
    await runProgram({
      command: process.execPath,
      args: [join(folder, "scripts", "install.js")],
      cwd: folder,
      environment: { PATH: [...programFolders(folder), process.env.PATH ?? ""].join(delimiter) },
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  },
};

/** Where package managers put a dependency's programs: the installer calls node-pre-gyp by its name. */
function programFolders(folder) {
  const above = dirname(folder);
  const here = join(folder, "node_modules", ".bin");
  return above === folder ? [here] : [here, ...programFolders(above)];
}
