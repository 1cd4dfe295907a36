// Makes the workspace ready with Node and npm alone: installs with the pinned pnpm, builds all packages.
// Does nothing where neither the lock file nor a source has changed since the last time.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const stampFile = path.join(root, "node_modules", ".phew-setup.json");
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const started = performance.now();

requireNode(manifest.engines.node);
const members = ["packages", "apps"].flatMap((folder) =>
  readdirSync(path.join(root, folder)).map((name) => path.join(folder, name)),
);
const wanted = {
  install: digest([
    "package.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...members.map((m) => path.join(m, "package.json")),
  ]),
  build: digest([
    "tsconfig.base.json",
    ...members.flatMap((m) => [
      `${m}/tsconfig.build.json`,
      `${m}/bundle.mjs`,
      `${m}/methods.mjs`,
      ...sources(`${m}/src`),
      ...sources(`${m}/assembly`),
    ]),
  ]),
};
const done = readStamp();
if (done.install !== wanted.install) {
  const frozen = existsSync(path.join(root, "pnpm-lock.yaml")) ? ["--frozen-lockfile"] : [];
  run("Installing", ["install", ...frozen, "--reporter=append-only", "--loglevel=warn"]);
}
if (done.install !== wanted.install || done.build !== wanted.build || !built()) {
  run("Building", ["exec", "turbo", "run", "build", "--output-logs=errors-only", "--log-order=grouped"]);
  mkdirSync(path.dirname(stampFile), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(wanted));
  console.error(`Set-up done in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

function requireNode(range) {
  const [least] = range.match(/[\d.]+/);
  const [have, need] = [process.versions.node, least].map((v) => v.split(".").map(Number));
  if (have[0] < need[0] || (have[0] === need[0] && have[1] < need[1])) {
    console.error(
      `Node ${process.versions.node} is too old: PHEW needs Node ${range}. Install a newer one from https://nodejs.org.`,
    );
    process.exit(1);
  }
}

/** pnpm of the pinned version, through npx; its name is on the PATH of what it runs, as turbo needs. */
function run(what, args) {
  console.error(`${what} …`);
  const pnpm = manifest.packageManager;
  const result = spawnSync("npx", ["--yes", pnpm, ...args], {
    cwd: root,
    stdio: ["ignore", 2, "inherit"],
    shell: process.platform === "win32",
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", npm_config_update_notifier: "false" },
  });
  if (result.status !== 0) {
    console.error(
      `${what} failed (npx ${pnpm} ${args.join(" ")}). The lines above say why; run it again once that is mended.`,
    );
    process.exit(1);
  }
}

function built() {
  const compiled = members.filter((member) => existsSync(path.join(root, member, "tsconfig.build.json")));
  return compiled.every((member) => existsSync(path.join(root, member, "dist")));
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {};
  }
}

function sources(folder) {
  const absolute = path.join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const absolute = path.join(root, file);
    hash.update(`${file}\0`);
    if (existsSync(absolute)) hash.update(readFileSync(absolute));
  }
  return hash.digest("hex");
}
