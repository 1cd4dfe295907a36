/** Recorded runs, laid out again as the run folders they were at some moment; made by record.mjs. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunConfig, type RunnerState, reduceAll, summarise, type TimedRunEvent } from "@phew/runs";
import type { DashboardState, ShownRun } from "../../src/dashboardState.ts";
import { actionOf } from "../../src/keyActions.ts";
import { RunWatcher } from "../../src/runWatcher.ts";
import { initialDashboard, update } from "../../src/update.ts";

export interface Recording {
  /** What was recorded. */
  readonly command: string;
  readonly runs: readonly RecordedRun[];
}

export interface RecordedRun {
  /** `<experiment>/<hash>-<seed>` */
  readonly folder: string;
  /** What `config.json` holds. */
  readonly config: { readonly name: string; readonly config: RunConfig };
  /** As the last heartbeat has it. */
  readonly state: RunnerState;
  readonly events: readonly TimedRunEvent[];
}

export type RecordingName = "pruning" | "synflow" | "training" | "sweep" | "crash";

export function openRecording(name: RecordingName): Recording {
  const [head, ...lines] = readFileSync(new URL(`${name}.jsonl`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const runs: (Omit<RecordedRun, "events"> & { events: TimedRunEvent[] })[] = [];
  for (const line of lines) {
    if ("folder" in line) runs.push({ ...line, events: [] });
    else runs.at(-1)!.events.push(line);
  }
  return { command: head.command, runs };
}

/** Time of the n-th event (from 1) of a kind of one run; n < 0 counts from the end. */
export function momentOf({ runs }: Recording, kind: TimedRunEvent["kind"], n = 1, run = 0): number {
  return runs[run]!.events.filter((event) => event.kind === kind).at(n < 0 ? n : n - 1)!.t;
}

/** Writes the run folders as they were at the time `t`; a run that had not begun has none. */
function layOut({ runs }: Recording, root: string, t: number): void {
  for (const { folder, config, state, events } of runs) {
    const past = events.filter((event) => event.t <= t);
    const last = past.at(-1);
    if (last === undefined) continue;
    const path = join(root, folder);
    mkdirSync(path, { recursive: true });
    const pastState = reduceAll(past);
    const status = {
      state: past.length === events.length ? state : "running",
      name: config.name,
      pid: 1,
      // not this machine: its processes cannot be asked for
      host: "recorder.invalid",
      startedT: past[0]!.t,
      updatedT: past.length === events.length ? last.t : t,
      summary: summarise(pastState, t),
    };
    writeFileSync(join(path, "config.json"), JSON.stringify(config));
    writeFileSync(join(path, "status.json"), JSON.stringify(status));
    writeFileSync(join(path, "events.jsonl"), past.map((event) => `${JSON.stringify(event)}\n`).join(""));
  }
}

/**
 * The screen over the runs as they were at the time `t`, after keys were pressed.
 * @param seenT when it is looked at, `t` unless given
 */
export function screenAt(
  recording: Recording,
  t: number,
  keys: readonly string[] = [],
  seenT = t,
): DashboardState {
  const root = mkdtempSync(join(tmpdir(), "phew-replay-"));
  try {
    layOut(recording, root, t);
    const watcher = new RunWatcher(root);
    watcher.refresh(seenT);
    const look = (state: DashboardState): DashboardState => {
      const overlays = state.marked.flatMap((folder) => (folder ? [readWhole(watcher, folder)] : []));
      const seen = { kind: "watched" as const, runs: watcher.runs, now: seenT, overlays };
      const chosen = update(state, seen);
      if (chosen.selected === undefined) return chosen;
      return update(chosen, { ...seen, shown: readWhole(watcher, chosen.selected) });
    };
    return keys.reduce(
      (state, name) => {
        const action = actionOf(state, name.length === 1 ? { name, text: name } : { name });
        if (action === undefined) throw new Error(`the key ${name} does nothing here`);
        return look(update(state, action));
      },
      look(initialDashboard("runs", seenT)),
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function readWhole(watcher: RunWatcher, folder: string): ShownRun {
  for (;;) {
    const shown = watcher.follow(folder);
    if (shown.loaded === 1) return shown;
  }
}
