/**
 * How far networks that were exported by others are understood:
 *   node packages/bench/src/families.mjs FOLDER…
 * Each folder holds folders with `model.onnx`, and `io.safetensors` with its inputs and what PyTorch gives for them
 * (`out`, or `out0`, `out1` …). Prints a row for each network, as Markdown: the level by `phew doctor`, the greatest
 * difference of `phew predict` (relative to the greatest output), and the width that `phew prune` keeps at 10 %. Needs
 * the built workspace.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const phew = fileURLToPath(new URL("../bin/phew.js", import.meta.resolve("@phew/runner")));
const scratch = mkdtempSync(join(tmpdir(), "phew-families-"));
try {
  console.log("| network | level | predict beside PyTorch | phew at 10 %: mean width | in the way |");
  console.log("|---|---|---|---|---|");
  for (const folder of process.argv.slice(2)) {
    for (const name of readdirSync(folder).sort()) {
      if (existsSync(join(folder, name, "model.onnx"))) console.log(await rowOf(name, join(folder, name)));
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function rowOf(name, folder) {
  const model = join(folder, "model.onnx");
  const doctor = await run("doctor", model, "--json");
  const levels = doctor.exitCode === 0 ? JSON.parse(doctor.stdout).levels : [];
  const level = levels.filter(({ reached }) => reached).at(-1)?.level ?? "none";
  const inTheWay = [...new Set(levels.flatMap(({ nodes }) => nodes.map(({ operation }) => operation)))];
  const predicted = level === "computed" ? await difference(folder, model) : "";
  const width = level === "weights" || level === "none" ? "" : await meanWidth(model);
  return `| ${name} | ${level} | ${predicted} | ${width} | ${inTheWay.join(", ")} |`;
}

async function difference(folder, model) {
  const io = join(folder, "io.safetensors");
  const out = join(scratch, "logits.safetensors");
  const given = ["--batch", io, "--compare", io, "--out", out, "--force"];
  const { stdout, stderr } = await run("predict", model, ...given);
  const said = `${stdout}${stderr}`;
  const found = /greatest difference .*?: (?:0$|.*\(relative ([0-9.e+-]+)\))/m.exec(said);
  return found === null ? said.split("\n").find((line) => line.startsWith("phew:")) : (found[1] ?? "0");
}

async function meanWidth(model) {
  const out = join(scratch, "masks.safetensors");
  const { exitCode, stdout, stderr } = await run(
    ...["prune", model, "--density", "0.1", "--out", out, "--force", "--json"],
  );
  if (exitCode !== 0) return stderr.split("\n").find((line) => line.startsWith("phew:"));
  const analysed = await run("analyze", model, "--masks", out, "--json");
  return JSON.parse(analysed.stdout).meanWidth?.toFixed(3) ?? JSON.parse(stdout).meanWidth?.toFixed(3);
}

async function run(...args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [phew, ...args], {
      maxBuffer: 2 ** 28,
    });
    return { exitCode: 0, stdout, stderr };
  } catch ({ code, stdout = "", stderr = "" }) {
    return { exitCode: code, stdout, stderr };
  }
}
