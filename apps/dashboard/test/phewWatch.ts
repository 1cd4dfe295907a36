/** The command that starts the screen, as a user types it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const phew = fileURLToPath(new URL("../../runner/bin/phew.js", import.meta.url));
const builds = ["../dist/watch.js", "../../runner/dist/main.js"];

/** Program and first arguments. */
export const watchCommand: readonly [string, ...string[]] = [process.execPath, phew, "watch"];
/** The same for a shell. */
export const watchLine = watchCommand.join(" ");
export const isBuilt = builds.every((file) => existsSync(new URL(file, import.meta.url)));
