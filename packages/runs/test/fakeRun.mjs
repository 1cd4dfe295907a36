// A run for tests of executors: makes steps of 20 ms, keeps their number, stops at SIGTERM with 130, goes on where it was.
// Arguments: folder, number of steps, "crash", "slow" (never gets to its folder), "taken" (another process takes the run over and finishes it) or nothing.
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ownProcess } from "../dist/processes.js";

const [folder, stepCount, mode] = process.argv.slice(2);
if (mode === "slow") {
  // as a process that is being started: no folder yet, and no handler of signals
  writeFileSync(`${folder}.begun`, "");
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}
mkdirSync(folder, { recursive: true });
const stepFile = path.join(folder, "step");
let step = existsSync(stepFile) ? Number(readFileSync(stepFile, "utf8")) : 0;
appendFileSync(path.join(folder, "starts"), `${process.pid} from ${step}\n`);

function tell(state, failure, owner = ownProcess()) {
  const status = {
    state,
    name: path.basename(folder),
    ...owner,
    startedT: Date.now(),
    updatedT: Date.now(),
    summary: {
      phase: state === "running" ? "training" : state,
      fraction: step / stepCount,
      testAccuracy: step / 100,
    },
    ...(failure ? { failure } : {}),
  };
  writeFileSync(path.join(folder, "status.tmp"), JSON.stringify(status));
  renameSync(path.join(folder, "status.tmp"), path.join(folder, "status.json"));
}

tell("running");
process.on("SIGTERM", () => {
  tell("interrupted");
  process.exit(130);
});
if (mode === "crash") {
  tell("failed", "made to fail");
  console.error("made to fail");
  process.exit(1);
}
if (mode === "taken") {
  tell("finished", undefined, { ...ownProcess(), pid: process.ppid });
  console.error("taken over");
  process.exit(1);
}
setInterval(() => {
  step++;
  writeFileSync(stepFile, `${step}`);
  if (step < Number(stepCount)) return;
  tell("finished");
  process.exit(0);
}, 20);
