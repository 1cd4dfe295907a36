/**
 * How far networks that were exported by others are understood:
 *   node packages/bench/src/families.mjs FOLDER… [--csv FILE] [--seconds 300] [--only NAME,NAME…]
 * Each folder holds folders with `model.onnx`, `io.safetensors` with its inputs and what PyTorch gives for them (`out`, or
 * `out0`, `out1` …), and perhaps `facts.json`, which says who wrote the file and what the state dict holds; exports.py
 * writes such folders. Prints a row for each network, as Markdown, and a count of the levels:
 *   level       by `phew doctor`
 *   predict     greatest difference of `phew predict` from PyTorch, relative to the greatest output
 *   masks       of `phew prune --density 0.1` by phew (magnitude where units are not known) that have a name and the shape
 *               of the state dict, of all
 *   width       mean width that phew keeps
 *   masked      greatest difference of the masked network's outputs from onnxruntime's on the zeroed export (from our own
 *               where inputs are rows of a table)
 *   prune, synflow  processor time of `phew prune` by phew, and by two rounds of synflow, in seconds
 * A command that takes more than --seconds of processor time counts as one that does not end. Rows in the CSV are written as
 * they come; rows of a file that is there already are kept, and their networks left out. Needs the built workspace, and
 * python3 with onnxruntime.
 */
import { execFile } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const COLUMNS = [
  ...["network", "library", "exporter", "level", "predict", "masks", "width", "masked"],
  ...["prune", "synflow", "in the way"],
];

const phew = fileURLToPath(new URL("../bin/phew.js", import.meta.resolve("@phew/runner")));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    csv: { type: "string" },
    only: { type: "string" },
    seconds: { type: "string", default: "300" },
  },
});
const only = values.only?.split(",");
const csvOf = (cells) =>
  `${cells.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
const done = new Set();
if (values.csv !== undefined && !existsSync(values.csv)) appendFileSync(values.csv, csvOf(COLUMNS));
else if (values.csv !== undefined) {
  for (const line of readFileSync(values.csv, "utf8").split("\n")) done.add(line.split(",", 1)[0]);
}

const scratch = mkdtempSync(join(tmpdir(), "phew-families-"));
const counts = new Map();
try {
  console.log(`| ${COLUMNS.join(" | ")} |\n|${"---|".repeat(COLUMNS.length)}`);
  for (const folder of positionals) {
    for (const name of readdirSync(folder).sort()) {
      if (!existsSync(join(folder, name, "model.onnx")) || done.has(name)) continue;
      if (only !== undefined && !only.includes(name)) continue;
      const cells = await rowOf(name, join(folder, name));
      console.log(`| ${cells.join(" | ")} |`);
      if (values.csv !== undefined) appendFileSync(values.csv, csvOf(cells));
      const key = `${cells[2] || "files"}: ${cells[3]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  for (const [key, count] of [...counts].sort()) console.log(`${key} ${count}`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function rowOf(name, folder) {
  const model = join(folder, "model.onnx");
  const factsFile = join(folder, "facts.json");
  const facts = existsSync(factsFile) ? JSON.parse(readFileSync(factsFile, "utf8")) : {};
  const doctor = await run("doctor", model, "--json");
  const levels = doctor.exitCode === 0 ? JSON.parse(doctor.stdout).levels : [];
  const level = levels.filter(({ reached }) => reached).at(-1)?.level ?? "none";
  const inTheWay = new Set(
    levels.flatMap(({ nodes }) => nodes.map(({ operation, reason }) => `${operation}: ${reason}`)),
  );
  if (level === "none") inTheWay.add(failure(doctor));
  const way = [...inTheWay].join("; ").replaceAll("|", "/");
  const masks = join(scratch, "masks.safetensors");
  const method = level === "weights" || level === "none" ? "magnitude" : "phew";
  const given = ["--density", "0.1", "--out", masks, "--force", "--json"];
  const pruned = await run("prune", model, "--method", method, ...given);
  const named = pruned.exitCode === 0 ? masksNamed(pruned, masks, facts.parameters) : failure(pruned);
  const synflow =
    method === "phew"
      ? await run(
          "prune",
          model,
          "--method",
          "synflow",
          "--option",
          "rounds=2",
          ...given,
          "--out",
          join(scratch, "synflow"),
        )
      : undefined;
  const isPruned = method === "phew" && pruned.exitCode === 0;
  return [
    ...[name, facts.library ?? "", facts.exporter ?? "", level],
    level === "computed" ? await difference(folder, model) : "",
    named,
    isPruned
      ? (JSON.parse(
          (await run("analyze", model, "--masks", masks, "--json")).stdout || "{}",
        ).meanWidth?.toFixed(3) ?? "")
      : "",
    isPruned && level === "computed" ? await maskedDifference(folder, model, masks) : "",
    seconds(pruned),
    synflow === undefined ? "" : synflow.exitCode === 0 ? seconds(synflow) : failure(synflow),
    way,
  ];
}

/** Masks of weights that are named and shaped as the parameters of the state dict, of all; and the first that is not. */
function masksNamed({ stdout }, file, parameters) {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...tensors } = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8"));
  // dead units have masks of biases too, also of those that an exporter made
  const names = JSON.parse(stdout).masks[0].layers.map(({ name }) => name);
  if (parameters === undefined) return `${names.length}`;
  const strange = names.filter((name) => `${parameters[name]}` !== `${tensors[`${name}_mask`]?.shape}`);
  const found = `${names.length - strange.length} of ${names.length}`;
  return strange.length === 0 ? found : `${found} (${strange[0]})`;
}

async function difference(folder, model) {
  const io = join(folder, "io.safetensors");
  const given = ["--batch", io, "--compare", io, "--out", join(scratch, "logits.safetensors"), "--force"];
  return compared(await run("predict", model, ...given));
}

async function maskedDifference(folder, model, masks) {
  const io = join(folder, "io.safetensors");
  const masked = ["predict", model, "--batch", io, "--masks", masks, "--force"];
  const out = join(scratch, "masked.safetensors");
  const found = await run(...masked, "--compare", "onnxruntime", "--out", out);
  if (!found.stderr.includes("expected an input of numbers")) return compared(found);
  // rows of a table are not given to other programs: the zeroed file is read back instead
  const [zeroed, logits] = [join(scratch, "zeroed.onnx"), join(scratch, "zeroed.safetensors")];
  const written = await run(
    "export",
    model,
    "--masks",
    masks,
    "--form",
    "zeroed",
    "--out",
    zeroed,
    "--force",
  );
  if (written.exitCode !== 0) return failure(written);
  await run("predict", zeroed, "--batch", io, "--out", logits, "--force");
  return compared(await run(...masked, "--compare", logits, "--out", out));
}

function compared(result) {
  const said = `${result.stdout}${result.stderr}`;
  const found = /greatest difference .*?: (?:0$|.*\(relative ([0-9.e+-]+)\))/m.exec(said);
  return found === null ? failure(result) : (found[1] ?? "0");
}

function failure({ stderr, exitCode }) {
  const line = stderr.split("\n").find((said) => said.startsWith("phew:")) ?? `exit code ${exitCode}`;
  return line.slice(0, 300).replaceAll("|", "/");
}

function seconds({ cpuSeconds }) {
  return cpuSeconds.toFixed(1);
}

/** One command, with the processor time of all that it started. */
function run(...args) {
  const limited = `ulimit -t ${Number(values.seconds)}; TIMEFORMAT=$'\nprocessor %U %S'; time "$0" "$@"`;
  return new Promise((resolve) => {
    const command = ["-c", limited, process.execPath, phew, ...args];
    execFile("/bin/bash", command, { maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : (error.code ?? 1);
      const [, user, system] = /\nprocessor ([0-9.]+) ([0-9.]+)/.exec(stderr) ?? [];
      const said = exitCode > 128 ? `${stderr}\nphew: did not end in ${values.seconds} s` : stderr;
      resolve({ exitCode, stdout, stderr: said, cpuSeconds: Number(user) + Number(system) });
    });
  });
}
