/**
 * Walks until masks of given sizes are reached, in slices of time. Between slices it reports progress and checks the
 * signal.
 */
import { EngineError, loadWalkEngine, WalkExpectation, type Walker, type WalkOptions } from "@phew/engine";
import { ArgumentError } from "../errors.ts";
import type { LayerProgress } from "../events.ts";
import { layerProgress } from "../masks/layerProgress.ts";
import { Masks } from "../masks/masks.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { PruneRequest, Pruning } from "../pruners/pruner.ts";
import { counted, formatDuration, formatMeasure } from "../quantity.ts";
import { longestWalk, walkPlan } from "./plan.ts";
import { type NetworkWalkPlan, networkMask, networkUnits, type PlanMask, planMask } from "./strays.ts";

/** Milliseconds of walking between two yields to the event loop. */
const SLICE_MS = 50;
/** Default limit of the expected time: an hour. */
export const USUAL_LIMIT_MS = 3_600_000;
/** Walks expected to last longer cause a warning. */
const LONG_MS = 60_000;
/**
 * Walking time before the first estimate: at least this, and at least the time that the estimate takes, in
 * milliseconds per weight. Short walks thus need no estimate, and an estimate at most doubles the time. It does not
 * change the walks.
 */
const HEAD_START_MS = 50;
const ESTIMATE_MS = 20e-6;
/** How long the pace is measured before a time is estimated. */
const PACE_MS = 500;
/** Only longer walks report progress before their end: an estimate costs as much as a short walk. */
const SILENT_MS = 100;
const FIRST_CHUNK = 4096;
/**
 * After 4^11, 4^12, 4^13 … walks the loop checks whether new weights were kept since the last check, at the same
 * walks on every machine. If none were, it has stalled: m remaining weights are all missed with probability about
 * 4^−m.
 */
const FIRST_CHECK = 4 ** 11;

export type WalkRequest = Omit<PruneRequest, "keepCount" | "options">;

/** One mask, as {@link walkToCounts}. */
export async function walkTo(
  request: WalkRequest,
  options: WalkOptions,
  keepCount: number,
): Promise<Pruning> {
  for await (const pruning of walkToCounts(request, options, [keepCount])) return pruning;
  throw new Error("a walk ended without a mask");
}

/**
 * One mask for each of `keepCounts`, all from one sequence of walks: each contains the one before it, and equals the
 * mask that the same seed gives alone. Walks are kept whole, so each mask may exceed its count by less than a walk.
 * If all weights are wanted and can be reached, they are kept at once, without walking.
 * @param keepCounts ascending, 1 … network.prunableCount
 * @throws ArgumentError if the network cannot be walked, or if wanted weights are unreachable or too unlikely;
 * signal.reason
 */
export async function* walkToCounts(
  request: WalkRequest,
  options: WalkOptions,
  keepCounts: readonly number[],
): AsyncGenerator<Pruning, void, undefined> {
  const { network, weights, from, within, signal } = request;
  signal?.throwIfAborted();
  requireAscending(keepCounts, network.prunableCount);
  const engine = await loadWalkEngine();
  const plan = walkPlan(network, weights, within);
  // a mask of whole walks may hold almost one walk more than requested
  const excess = longestWalk(plan, options.granularity) - 1;
  if (from !== undefined) requireGrowth(from, keepCounts[0]!, excess, network.prunableCount);
  const walker = inCoreWords(() => engine.createWalker(plan, options));
  try {
    const given = from && planMask(plan, from.bytes);
    if (given !== undefined) walker.keep(given.bytes);
    // weights kept from the start that no walk passes
    const aside = given?.leftOutCount ?? 0;
    requireReachable(walker.reachableCount + aside, network.prunableCount, keepCounts.at(-1)!);
    const course = new Course(walker, plan, request, options, given, keepCounts.at(-1)!);
    for (const keepCount of keepCounts) {
      const whole = keepCount === network.prunableCount;
      if (!whole) await course.walkTo(keepCount);
      const masks = whole ? Masks.dense(network) : course.masks();
      const { walkCount, stepCount } = walker.progress;
      if (keepCount === keepCounts.at(-1)) course.finish(masks);
      yield { masks, walkCount, stepCount, ...course.estimate, notes: plan.rest?.notes };
    }
  } finally {
    walker.dispose();
  }
}

/** Estimate of the walks to the greatest count. */
interface WalkEstimate {
  readonly expectedWalkCount: number;
  /** Absent while the pace is not known. */
  readonly expectedMs?: number;
}

/** A sequence of walks in progress to the greatest of its counts. */
class Course {
  readonly #walker: Walker;
  readonly #plan: NetworkWalkPlan;
  readonly #request: WalkRequest;
  readonly #options: WalkOptions;
  /** Weights kept from the start that no walk passes. */
  readonly #aside: number;
  /** Edges of the plan kept from the start. */
  readonly #given: Uint8Array | undefined;
  readonly #goal: number;
  readonly #start = performance.now();
  #chunk = FIRST_CHUNK;
  #expectation: WalkExpectation | undefined;
  #estimate: WalkEstimate | undefined;
  /** Time and number of walks when the measurement of the pace began. */
  #paceFrom: { readonly ms: number; readonly walkCount: number } | undefined;
  #layersExpected: Float64Array | undefined;
  #keptAtCheck = -1;
  #nextCheck = FIRST_CHECK;

  constructor(
    walker: Walker,
    plan: NetworkWalkPlan,
    request: WalkRequest,
    options: WalkOptions,
    given: PlanMask | undefined,
    goal: number,
  ) {
    this.#aside = given?.leftOutCount ?? 0;
    this.#given = given?.bytes;
    this.#walker = walker;
    this.#plan = plan;
    this.#request = request;
    this.#options = options;
    this.#goal = goal;
  }

  async walkTo(keepCount: number): Promise<void> {
    let sliceStart = performance.now();
    while (!this.#walkChunk(keepCount)) {
      this.#updateEstimate();
      if (performance.now() - sliceStart < SLICE_MS) continue;
      this.#report();
      // lets timers, signals and screens run
      await new Promise((resolve) => setTimeout(resolve));
      this.#request.signal?.throwIfAborted();
      sliceStart = performance.now();
    }
  }

  /** The weights kept so far. */
  masks(): Masks {
    const { network, from } = this.#request;
    const bytes = networkMask(this.#plan, this.#walker.mask());
    if (this.#aside > 0) {
      for (let k = 0; k < bytes.length; k++) if (from!.bytes[k] !== 0) bytes[k] = 1;
    }
    return new Masks(network, bytes);
  }

  get estimate(): WalkEstimate | undefined {
    return this.#estimate;
  }

  get #keptCount(): number {
    return this.#walker.progress.keptCount + this.#aside;
  }

  /** Reports the end, with the last mask. */
  finish(masks: Masks): void {
    const { walkCount, stepCount } = this.#walker.progress;
    const { keptCount } = masks;
    // if all weights are kept at once, the walker has none
    const isWhole = keptCount === this.#request.network.prunableCount;
    const layers = isWhole ? {} : { layers: () => this.#layers() };
    this.#request.onProgress?.({ keptCount, walkCount, stepCount, fraction: 1, ...layers });
  }

  /** @returns true if keepCount is reached */
  #walkChunk(keepCount: number): boolean {
    const start = performance.now();
    const before = this.#walker.progress.walkCount;
    const walks = Math.min(this.#chunk, this.#nextCheck - before);
    const wanted = Math.max(0, keepCount - this.#aside);
    const { keptCount, walkCount } = this.#walker.advance(wanted, walks);
    if (keptCount >= wanted) return true;
    if (walkCount === this.#nextCheck) {
      if (keptCount === this.#keptAtCheck) this.#stalled(keepCount, keptCount + this.#aside);
      this.#keptAtCheck = keptCount;
      this.#nextCheck *= 4;
    }
    // as many walks as take about half a slice
    const pace = (SLICE_MS / 2 / Math.max(performance.now() - start, 1e-3)) * (walks / this.#chunk);
    this.#chunk = Math.max(1, Math.ceil(this.#chunk * Math.min(8, pace)));
    return false;
  }

  #report(): void {
    const { onProgress } = this.#request;
    if (onProgress === undefined || performance.now() - this.#start < SILENT_MS) return;
    const { walkCount, stepCount } = this.#walker.progress;
    onProgress({
      ...this.#estimate,
      keptCount: this.#keptCount,
      walkCount,
      stepCount,
      fraction: this.#fraction(),
      layers: () => this.#layers(),
    });
  }

  /** Walks done over walks expected. */
  #fraction(): number {
    const { walkCount } = this.#walker.progress;
    const expected = this.#walksUpTo(this.#goal);
    const usable = Number.isFinite(expected) && expected > 0;
    return Math.min(0.999, usable ? walkCount / expected : this.#keptCount / this.#goal);
  }

  /**
   * Estimates the number of walks to the goal after the head start, and their time once the pace is measured for a
   * while: the first walks are slower than the others.
   * @throws ArgumentError if the time exceeds the limit
   */
  #updateEstimate(): void {
    if (this.#estimate?.expectedMs !== undefined) return;
    const now = performance.now() - this.#start;
    const { walkCount } = this.#walker.progress;
    if (this.#estimate === undefined) {
      const headStart = Math.max(HEAD_START_MS, ESTIMATE_MS * this.#request.network.prunableCount);
      if (now < headStart) return;
      this.#estimate = { expectedWalkCount: this.#walksUpTo(this.#goal) };
      this.#paceFrom = { ms: performance.now() - this.#start, walkCount };
      return;
    }
    const { ms, walkCount: before } = this.#paceFrom!;
    if (now - ms < PACE_MS) return;
    const walksPerMs = (walkCount - before) / (now - ms);
    const { expectedWalkCount } = this.#estimate;
    const expectedMs = now + Math.max(0, expectedWalkCount - walkCount) / walksPerMs;
    this.#estimate = { expectedWalkCount, expectedMs };
    const { limitMs = USUAL_LIMIT_MS } = this.#request;
    if (expectedMs > limitMs) throw this.#tooLong(walksPerMs, limitMs);
    if (expectedMs > LONG_MS)
      this.#request.onWarning?.(`${this.#need()}, which take about ${lasting(expectedMs)}`);
  }

  /** The number of walks to the goal, in words. */
  #need(): string {
    const { expectedWalkCount } = this.#estimate!;
    const walks = Number.isFinite(expectedWalkCount)
      ? `about ${formatMeasure(expectedWalkCount)} walks are needed`
      : "no number of walks is enough";
    return `${walks} to keep ${this.#goal} of ${this.#request.network.prunableCount} weights`;
  }

  #tooLong(walksPerMs: number, limitMs: number): ArgumentError {
    const { prunableCount } = this.#request.network;
    // a little less, since the pace varies
    const within = Math.floor(this.#expectation!.edgesAfter(0.9 * limitMs * walksPerMs)) + this.#aside;
    return new ArgumentError("density", {
      given: `one that takes ${lasting(this.#estimate!.expectedMs!)}: ${this.#need()}`,
      expected: `walks that take at most ${lasting(limitMs)}`,
      remedy: `Ask for a density of at most ${densityOf(within, prunableCount)}, which takes about that long, or give a longer limit.`,
    });
  }

  #walksUpTo(keepCount: number): number {
    this.#expectation ??= new WalkExpectation(this.#plan, this.#options, this.#given);
    return this.#expectation.walksFor(Math.max(0, keepCount - this.#aside));
  }

  /** In the order of `network.prunable`. */
  #layers(): readonly LayerProgress[] {
    const { network, from } = this.#request;
    // a mask that grows from another has no expectation
    this.#layersExpected ??= from === undefined ? this.#expectedLayers() : undefined;
    const parts = new Map<string, number[]>();
    for (const [l, { name }] of this.#plan.layers.entries()) parts.set(name, [...(parts.get(name) ?? []), l]);
    const flows = this.#plan.rest && weightFlows(network);
    return network.prunable.map(({ name }, k) => {
      const own = parts.get(name) ?? [];
      const expected = this.#layersExpected && own.reduce((sum, l) => sum + this.#layersExpected![l]!, 0);
      if (flows === undefined) return layerProgress(this.#walker.keptIn(own[0]!), expected);
      const kept = new Uint32Array(flows[k]!.outCount);
      for (const l of own) {
        const keptIn = this.#walker.keptIn(l);
        networkUnits(this.#plan, l)!.forEach((unit, u) => {
          kept[unit] = keptIn[u]!;
        });
      }
      return layerProgress(kept, expected);
    });
  }

  /** Expected kept weights of each layer in the finished mask. */
  #expectedLayers(): Float64Array | undefined {
    const walkCount = this.#walksUpTo(this.#goal);
    return Number.isFinite(walkCount) ? this.#expectation!.layersAfter(walkCount) : undefined;
  }

  #stalled(keepCount: number, keptCount: number): never {
    const walkCount = this.#nextCheck - this.#nextCheck / 4;
    throw new ArgumentError("density", {
      given: `${keepCount} of ${this.#request.network.prunableCount} weights to keep; after ${keptCount}, ${walkCount} walks kept no new one`,
      expected: "a density at which every needed weight is likely enough to be kept",
      remedy: densityRemedy(keptCount, this.#request.network.prunableCount),
    });
  }
}

function requireAscending(keepCounts: readonly number[], prunableCount: number): void {
  const usable = keepCounts.every(
    (count, k) => Number.isInteger(count) && count >= (keepCounts[k - 1] ?? 1) && count <= prunableCount,
  );
  if (usable && keepCounts.length > 0) return;
  throw new ArgumentError("keepCount", {
    given: keepCounts.join(", ") || "none",
    expected: `whole numbers from 1 to ${prunableCount}, in ascending order`,
  });
}

function requireGrowth(from: Masks, keepCount: number, excess: number, prunableCount: number): void {
  if (from.bytes.length !== prunableCount) {
    throw new ArgumentError("from", {
      given: `masks of ${from.bytes.length} weights`,
      expected: `${prunableCount}, as many as the network has`,
    });
  }
  if (from.keptCount > keepCount + excess) {
    throw new ArgumentError("from", {
      given: `masks that keep ${counted(from.keptCount, "weight")}`,
      expected: `at most the ${keepCount} to be kept`,
      remedy: "Masks only grow: ask for a higher density.",
    });
  }
}

function requireReachable(reachableCount: number, prunableCount: number, keepCount: number): void {
  if (keepCount <= reachableCount) return;
  throw new ArgumentError("density", {
    given: `${keepCount} of ${prunableCount} weights to keep`,
    expected: `at most ${reachableCount}: the others are 0, behind such weights, or on no path from input to output, and no walk reaches them`,
    remedy: densityRemedy(reachableCount, prunableCount),
  });
}

/** The greatest density with four digits that keeps at most `count` weights. */
function densityOf(count: number, prunableCount: number): number {
  return Math.floor((count / prunableCount) * 1e4) / 1e4;
}

const YEAR_MS = 365.25 * 86_400_000;

/** A time of any length. */
function lasting(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return "longer than any time";
  return ms < YEAR_MS ? formatDuration(ms) : `${formatMeasure(ms / YEAR_MS)} years`;
}

function densityRemedy(count: number, prunableCount: number): string {
  const density = densityOf(count, prunableCount);
  return density > 0 ? `Ask for a density of at most ${density}.` : "Initialise the network again.";
}

function inCoreWords<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof EngineError) throw new ArgumentError(error.subject, error.fault, error);
    throw error;
  }
}
