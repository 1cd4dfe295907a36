/**
 * Walks until masks of wanted sizes are reached, in slices of time: between two slices progress is told, and whoever
 * asked for an end gets it.
 */
import { EngineError, loadWalkEngine, WalkExpectation, type Walker, type WalkOptions } from "@phew/engine";
import { ArgumentError } from "../errors.ts";
import type { LayerProgress } from "../events.ts";
import { layerProgress } from "../masks/layerProgress.ts";
import { Masks } from "../masks/masks.ts";
import { weightFlows } from "../network/unitFlow.ts";
import type { PruneRequest, Pruning } from "../pruners/pruner.ts";
import { longestWalk, walkPlan } from "./plan.ts";
import { type NetworkWalkPlan, networkMask, networkUnits, planMask } from "./strays.ts";

/** Milliseconds of walking between two turns of everything else. */
const SLICE_MS = 50;
/** Progress is told of walks that last longer, beside the end: the estimate of the time left costs as much as a short walk. */
const SILENT_MS = 100;
const FIRST_CHUNK = 4096;
/**
 * Whether anything new is met is looked at after 4^11, 4^12, 4^13 … walks, the same on every machine. A stretch in
 * which nothing was is a stall: of m weights yet to be met it misses all with probability about 4^−m.
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
 * One mask for each of `keepCounts`, all of one sequence of walks: each holds the one before it, and is the mask that
 * the same seed gives alone. A walk is kept whole, so each mask may exceed its count by less than a walk. Where all
 * weights are wanted and can be reached, they are kept at once, without walking.
 * @param keepCounts ascending, 1 … network.prunableCount
 * @throws ArgumentError where the network cannot be walked, or weights are wanted that no walk reaches or that are too
 *   unlikely; signal.reason
 */
export async function* walkToCounts(
  request: WalkRequest,
  options: WalkOptions,
  keepCounts: readonly number[],
): AsyncGenerator<Pruning, void, undefined> {
  const { network, weights, from, signal } = request;
  signal?.throwIfAborted();
  requireAscending(keepCounts, network.prunableCount);
  const engine = await loadWalkEngine();
  const plan = walkPlan(network, weights);
  // a mask of whole walks may hold almost one walk more than was asked of it
  const excess = longestWalk(plan, options.granularity) - 1;
  if (from !== undefined) requireGrowth(from, keepCounts[0]!, excess, network.prunableCount);
  const walker = inCoreWords(() => engine.createWalker(plan, options));
  try {
    const given = from && planMask(plan, from.bytes);
    if (given !== undefined) walker.keep(given.bytes);
    // kept already, and in no walk
    const aside = given?.leftOutCount ?? 0;
    requireReachable(walker.reachableCount + aside, network.prunableCount, keepCounts.at(-1)!);
    const course = new Course(walker, plan, request, options, aside, keepCounts.at(-1)!);
    for (const keepCount of keepCounts) {
      const whole = keepCount === network.prunableCount;
      if (!whole) await course.walkTo(keepCount);
      const masks = whole ? Masks.dense(network) : course.masks();
      const { walkCount, stepCount } = walker.progress;
      if (keepCount === keepCounts.at(-1)) course.finish(masks);
      yield { masks, walkCount, stepCount, ...(plan.rest && { notes: plan.rest.notes }) };
    }
  } finally {
    walker.dispose();
  }
}

/** A sequence of walks under way to the greatest of its counts. */
class Course {
  readonly #walker: Walker;
  readonly #plan: NetworkWalkPlan;
  readonly #request: WalkRequest;
  readonly #options: WalkOptions;
  /** Weights kept from the start that no walk can come to. */
  readonly #aside: number;
  readonly #goal: number;
  readonly #start = performance.now();
  #chunk = FIRST_CHUNK;
  #expectation: WalkExpectation | undefined;
  #walksExpected: number | undefined;
  #layersExpected: Float64Array | undefined;
  #keptAtCheck = -1;
  #nextCheck = FIRST_CHECK;

  constructor(
    walker: Walker,
    plan: NetworkWalkPlan,
    request: WalkRequest,
    options: WalkOptions,
    aside: number,
    goal: number,
  ) {
    this.#aside = aside;
    this.#walker = walker;
    this.#plan = plan;
    this.#request = request;
    this.#options = options;
    this.#goal = goal;
  }

  async walkTo(keepCount: number): Promise<void> {
    let sliceStart = performance.now();
    while (!this.#walkChunk(keepCount)) {
      if (performance.now() - sliceStart < SLICE_MS) continue;
      this.#tell();
      // lets timers, signals and screens have their turn
      await new Promise((resolve) => setTimeout(resolve));
      this.#request.signal?.throwIfAborted();
      sliceStart = performance.now();
    }
  }

  /** What is kept by now. */
  masks(): Masks {
    const { network, from } = this.#request;
    const bytes = networkMask(this.#plan, this.#walker.mask());
    if (this.#aside > 0) {
      for (let k = 0; k < bytes.length; k++) if (from!.bytes[k] !== 0) bytes[k] = 1;
    }
    return new Masks(network, bytes);
  }

  get #keptCount(): number {
    return this.#walker.progress.keptCount + this.#aside;
  }

  /** Tells the end: the last mask is there. */
  finish(masks: Masks): void {
    const { walkCount, stepCount } = this.#walker.progress;
    const { keptCount } = masks;
    // weights that are all kept at once are in no walker
    const isWhole = keptCount === this.#request.network.prunableCount;
    const layers = isWhole ? {} : { layers: () => this.#layers() };
    this.#request.onProgress?.({ keptCount, walkCount, stepCount, fraction: 1, ...layers });
  }

  /** @returns true where keepCount is reached */
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
    // so many walks at a time that they take about half a slice
    const pace = (SLICE_MS / 2 / Math.max(performance.now() - start, 1e-3)) * (walks / this.#chunk);
    this.#chunk = Math.max(1, Math.ceil(this.#chunk * Math.min(8, pace)));
    return false;
  }

  #tell(): void {
    const { onProgress } = this.#request;
    if (onProgress === undefined || performance.now() - this.#start < SILENT_MS) return;
    const { walkCount, stepCount } = this.#walker.progress;
    onProgress({
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
    this.#walksExpected ??= this.#walksUpTo(this.#goal) - this.#walksUpTo(this.#request.from?.keptCount ?? 0);
    const usable = Number.isFinite(this.#walksExpected) && this.#walksExpected > 0;
    return Math.min(0.999, usable ? walkCount / this.#walksExpected : this.#keptCount / this.#goal);
  }

  #walksUpTo(keepCount: number): number {
    this.#expectation ??= new WalkExpectation(this.#plan, this.#options);
    return this.#expectation.walksFor(Math.max(0, keepCount - this.#aside));
  }

  /** In the order of `network.prunable`. */
  #layers(): readonly LayerProgress[] {
    const { network, from } = this.#request;
    // of a mask that grows from another nothing is foretold
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

  /** Of the finished mask. */
  #expectedLayers(): Float64Array | undefined {
    const walkCount = this.#walksUpTo(this.#goal);
    return Number.isFinite(walkCount) ? this.#expectation!.layersAfter(walkCount) : undefined;
  }

  #stalled(keepCount: number, keptCount: number): never {
    const walkCount = this.#nextCheck - this.#nextCheck / 4;
    throw new ArgumentError("density", {
      given: `${keepCount} of ${this.#request.network.prunableCount} weights to keep; after ${keptCount}, ${walkCount} walks met no new one`,
      expected: "a density at which every weight that is needed is likely enough to be met",
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
      given: `masks that keep ${from.keptCount} weights`,
      expected: `at most the ${keepCount} to be kept`,
      remedy: "Masks only grow: ask for a higher density.",
    });
  }
}

function requireReachable(reachableCount: number, prunableCount: number, keepCount: number): void {
  if (keepCount <= reachableCount) return;
  throw new ArgumentError("density", {
    given: `${keepCount} of ${prunableCount} weights to keep`,
    expected: `at most ${reachableCount}: the others are 0 or lie behind such, or on no way from input to output, and no walk comes upon them`,
    remedy: densityRemedy(reachableCount, prunableCount),
  });
}

/** The greatest density of four digits at which no more than `count` weights are kept. */
function densityRemedy(count: number, prunableCount: number): string {
  const density = Math.floor((count / prunableCount) * 1e4) / 1e4;
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
