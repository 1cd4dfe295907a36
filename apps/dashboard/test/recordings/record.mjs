/**
 * Records runs for the tests: each command below is carried out, and what its run folders hold is packed into one
 * `NAME.jsonl`. Events are thinned, and times shifted to begin at noon, so that a recording says nothing of the machine.
 *
 *   node apps/dashboard/test/recordings/record.mjs [NAME …]     after pnpm build; about two minutes for all
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PHEW = new URL("../../../runner/bin/phew.js", import.meta.url).pathname;
const NOON = Date.UTC(2026, 10, 22, 12);
/** Events of these kinds are thinned to so many a run, evenly, first and last among them. */
const MOST = { "train.step": 80, "prune.progress": 30 };
const MOST_OF_MANY = { "train.step": 24, "prune.progress": 5 };

const sweep = {
  settings: { model: "lenet5", classCount: 6, trainCount: 300, testCount: 120, epochs: 4, batchSize: 20 },
  grid: { method: ["phew", "magnitude", "random", "synflow"], density: [0.2, 0.1, 0.05] },
  seeds: 2,
};

/** What each recording is of; `killAfterEvent`: the process is killed, without a signal that it could answer, once the run has written this event. */
const RECORDINGS = {
  pruning: { command: "prune vgg19-bn --density 0.2" },
  synflow: { command: "prune resnet20 --method synflow --density 0.05" },
  training: {
    command: "train resnet20 --density 0.05 --train-count 2000 --test-count 500 --epochs 8 --no-figures",
  },
  sweep: { command: "sweep sweep.json --workers 2", sweep },
  crash: {
    command: "train lenet5 --density 0.1 --train-count 2000 --test-count 200 --epochs 40 --no-figures",
    killAfterEvent: '"kind":"train.epoch","epoch":6,',
  },
};

for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RECORDINGS)) {
  const folder = mkdtempSync(join(tmpdir(), "phew-record-"));
  try {
    const recording = RECORDINGS[name];
    await carryOut(recording, folder);
    const lines = packed(recording.command, join(folder, "runs"));
    writeFileSync(new URL(`${name}.jsonl`, import.meta.url), `${lines.join("\n")}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function carryOut({ command, sweep, killAfterEvent }, folder) {
  if (sweep) writeFileSync(join(folder, "sweep.json"), JSON.stringify(sweep));
  const args = [PHEW, ...command.split(" "), "--runs", "runs"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const watching =
    killAfterEvent &&
    setInterval(() => {
      const isThere = runFolders(join(folder, "runs")).some((run) =>
        readFileSync(join(folder, "runs", run, "events.jsonl"), "utf8").includes(killAfterEvent),
      );
      if (isThere) child.kill("SIGKILL");
    }, 20);
  const code = await ended;
  clearInterval(watching);
  if (code !== 0 && !killAfterEvent) throw new Error(`phew ${command} ended with ${code}`);
}

/** The command, and then of each run its configuration, its state at the end and its events. */
function packed(command, root) {
  const runs = runFolders(root).map((folder) => ({
    folder,
    config: JSON.parse(readFileSync(join(root, folder, "config.json"), "utf8")),
    state: JSON.parse(readFileSync(join(root, folder, "status.json"), "utf8")).state,
    events: readFileSync(join(root, folder, "events.jsonl"), "utf8")
      .split("\n")
      // a killed run may leave half a line
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line)),
  }));
  const shift = NOON - Math.min(...runs.map(({ events }) => events[0].t));
  return [
    { command: `phew ${command}` },
    ...runs.flatMap(({ folder, config, state, events }) => [
      { folder, config, state },
      ...thinned(events, runs.length > 1 ? MOST_OF_MANY : MOST).map((event) => ({
        ...event,
        t: event.t + shift,
      })),
    ]),
  ].map((line) => JSON.stringify(line, shortened));
}

function thinned(events, most) {
  const places = Object.keys(most).flatMap((kind) => {
    const own = events.flatMap((event, k) => (event.kind === kind ? [k] : []));
    const count = Math.min(own.length, most[kind]);
    return Array.from(
      { length: count },
      (_, k) => own[Math.round((k * (own.length - 1)) / (count - 1 || 1))],
    );
  });
  return events.filter((event, k) => !(event.kind in most) || places.includes(k));
}

/** Six digits are more than the screen shows. */
function shortened(key, value) {
  return typeof value === "number" && key !== "t" && !Number.isInteger(value)
    ? Number(value.toPrecision(6))
    : value;
}

function runFolders(root) {
  const names = (folder) => {
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter((item) => item.isDirectory())
        .map((item) => item.name)
        .sort();
    } catch {
      return [];
    }
  };
  const hasEvents = (folder) => {
    try {
      return readFileSync(join(root, folder, "events.jsonl")).length > 0;
    } catch {
      return false;
    }
  };
  return names(root)
    .flatMap((experiment) => names(join(root, experiment)).map((run) => `${experiment}/${run}`))
    .filter(hasEvents);
}
