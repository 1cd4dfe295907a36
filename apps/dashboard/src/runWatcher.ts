/** Follows the runs below a folder by reading their files: the list now and then, the events of one run at once. */
import {
  findOutput,
  initialRunState,
  type LayerUnits,
  type RunEntry,
  RunList,
  type RunOutput,
  type RunState,
  RunTail,
  readOutput,
  readUnitCounts,
  reduce,
  type SweepEntry,
  SweepList,
} from "@phew/runs";
import { type RunNotes, readNotes } from "@phew/runs/list";
import { MARK_COUNT, type ShownRun } from "./dashboardState.ts";
import { startedT } from "./runOrder.ts";

interface FollowedRun {
  readonly tail: RunTail;
  state: RunState;
  units?: readonly LayerUnits[];
  output?: RunOutput;
  /** Of the file of the output, as it was read. */
  outputStamp?: string;
  /** Events there were when the masks were last looked for. */
  unitsAt: number;
}

/** Number of unselected runs whose state is cached. */
const KEPT_COUNT = MARK_COUNT + 2;
/** Bytes of events read in one go, of all runs that are followed together: a few milliseconds of work. */
const READ_BYTES = 2 ** 19;
const LIST_EVERY_MS = 250;
const NOTES_EVERY_MS = 1000;
/** The list takes at most this part of the time, also with thousands of runs on a slow disk. */
const LIST_SHARE = 0.05;

export class RunWatcher {
  readonly #list: RunList;
  readonly #sweepList: SweepList;
  readonly #isShown: (run: RunEntry) => boolean;
  readonly #followed = new Map<string, FollowedRun>();
  #runs: readonly RunEntry[] = [];
  #sweeps: readonly SweepEntry[] = [];
  #notes: ReadonlyMap<string, RunNotes> | undefined;
  #nextNotesT = 0;
  #isListed = false;
  #nextListT = 0;
  /** Time used by the present refresh. */
  #listMs = 0;

  /**
   * @param mayBeMissing the folder may be created later
   * @param isShown of which runs the others are left out
   * @throws ArgumentError if `root` is not a folder
   */
  constructor(root: string, mayBeMissing = false, isShown: (run: RunEntry) => boolean = () => true) {
    this.#list = new RunList(root, mayBeMissing);
    this.#sweepList = new SweepList(root);
    this.#isShown = isShown;
  }

  /** The sweeps with their records. */
  get sweeps(): readonly SweepEntry[] {
    return this.#sweeps;
  }

  /** Runs by experiment and then in the order they started; those of sweeps that have not begun are behind these. */
  get runs(): readonly RunEntry[] {
    return this.#runs;
  }

  /** Tags and notes by the run's folder; undefined unless they are wanted. */
  get notes(): ReadonlyMap<string, RunNotes> | undefined {
    return this.#notes;
  }

  /** Runs whose state is in memory. */
  get followedCount(): number {
    return this.#followed.size;
  }

  /** Whether all folders below the root have been read at least once. */
  get isListed(): boolean {
    return this.#isListed;
  }

  /**
   * Reads the list again when it is due.
   * @param budgetMs if it takes longer, the next call continues
   */
  refresh(now: number, budgetMs = Infinity): void {
    if (now < this.#nextListT) return;
    const startMs = performance.now();
    const begun = this.#list.refresh(now, budgetMs);
    const planned = this.#sweepList.refresh(begun);
    const again = new Set(planned.map(({ folder }) => folder));
    const present = begun.filter(({ folder }) => !again.has(folder));
    const runs = [...present, ...planned].filter(this.#isShown).sort(byStart);
    // the same lists if nothing has changed, so that readers can compare by identity
    this.#runs = sameOr(this.#runs, runs);
    this.#sweeps = sameOr(this.#sweeps, this.#sweepList.sweeps);
    this.#listMs += performance.now() - startMs;
    if (!this.#list.isComplete) return;
    this.#isListed = true;
    this.#nextListT = now + Math.max(LIST_EVERY_MS, this.#listMs / LIST_SHARE);
    this.#listMs = 0;
  }

  /**
   * Reads new events of one run; a long log takes several calls.
   * @param share of the amount per call, 0 … 1, if other runs are read too
   */
  follow(folder: string, share = 1): ShownRun {
    const run = this.#followed.get(folder) ?? {
      tail: new RunTail(folder),
      state: initialRunState(),
      unitsAt: -1,
    };
    // last used last
    this.#followed.delete(folder);
    this.#followed.set(folder, run);
    if (this.#followed.size > KEPT_COUNT) this.#followed.delete(this.#followed.keys().next().value!);
    const { events, restarted } = run.tail.read(Math.ceil(READ_BYTES * share));
    if (restarted) {
      run.state = initialRunState();
      delete run.units;
      run.unitsAt = -1;
    }
    for (const event of events) run.state = reduce(run.state, event);
    const { state, units, output } = run;
    return {
      folder,
      state,
      loaded: run.tail.fraction,
      units,
      output,
    };
  }

  /** Reads tags and notes of all runs, once a second. @param isWanted false: they are forgotten */
  readNotes(now: number, isWanted: boolean): void {
    if (!isWanted) {
      this.#notes = undefined;
      this.#nextNotesT = 0;
    }
    if (!isWanted || now < this.#nextNotesT) return;
    this.#nextNotesT = now + NOTES_EVERY_MS;
    this.#notes = new Map(
      this.#runs.flatMap(({ folder }) => {
        const notes = readNotes(folder);
        return notes === undefined ? [] : [[folder, notes]];
      }),
    );
  }

  /** Starts to read the masks of a followed run; a later {@link follow} has the result. */
  readUnits(folder: string): void {
    const run = this.#followed.get(folder);
    const { mask, eventCount } = run?.state ?? {};
    // they are written right after the event that reports them
    if (!run || !mask || run.units || run.unitsAt === eventCount) return;
    run.unitsAt = eventCount ?? 0;
    readUnitCounts(folder, mask.layers).then(
      (units) => {
        if (units && run.state.mask === mask) run.units = units;
      },
      () => undefined,
    );
  }

  /** Reads what the process of a run that is followed printed, where that has changed; it is there with a later {@link follow}. */
  readOutput(folder: string): void {
    const run = this.#followed.get(folder);
    const entry = this.#runs.find((candidate) => candidate.folder === folder);
    if (!run || !entry) return;
    const found = findOutput(entry);
    if (found?.stamp === run.outputStamp) return;
    if (found) Object.assign(run, { output: readOutput(found.file), outputStamp: found.stamp });
    else {
      delete run.output;
      delete run.outputStamp;
    }
  }
}

function sameOr<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return now.length === before.length && now.every((each, k) => each === before[k]) ? before : now;
}

function byStart(a: RunEntry, b: RunEntry): number {
  if (a.experiment !== b.experiment) return a.experiment < b.experiment ? -1 : 1;
  const [waitsA, waitsB] = [a.life === "waiting", b.life === "waiting"];
  // in the order in which they will begin
  if (waitsA || waitsB) return Number(waitsA) - Number(waitsB);
  return startedT(a) - startedT(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
