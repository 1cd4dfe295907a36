/** Prunes a network by any method: validates the request, runs the method, verifies the mask. */

import { layerMeasures } from "./analysis/analyse.ts";
import { maskFaults, maskWarnings } from "./analysis/maskFaults.ts";
import { applyCheck, completeCheck } from "./checks/applyCheck.ts";
import type { AppliedCheck, CheckSettings } from "./checks/check.ts";
import { ArgumentError } from "./errors.ts";
import type { LogEvent, PruneEvent } from "./events.ts";
import { layerShapes } from "./masks/layerProgress.ts";
import { countKept, keepCountAt, type Masks } from "./masks/masks.ts";
import { requireUnits } from "./network/looseWeights.ts";
import type { Network } from "./network/network.ts";
import {
  completeOptions,
  examplesOf,
  type OptionValue,
  type PruneProgress,
  type PruneRequest,
  type Pruner,
  type Pruning,
  type PruningData,
  requireMeaning,
} from "./pruners/pruner.ts";
import { prunerByName, pruners } from "./pruners/registry.ts";
import { counted } from "./quantity.ts";
import { longestWalk, walkPlan } from "./walks/plan.ts";
import { firstUnusable, requireFiniteWeights, type Weights } from "./weights/weights.ts";

export interface PruneSettings {
  /** Name of a method; see `pruners`. */
  readonly method: string;
  /** Fraction of the prunable weights to keep, 0 < density ≤ 1. */
  readonly density: number;
  /** Whole number, 0 ≤ seed ≤ 2^53 − 1. */
  readonly seed: number;
  /** Options of the method; those left out have their initial value. */
  readonly options?: Readonly<Record<string, OptionValue>> | undefined;
  /** Weights that are kept in any case: the mask grows from these. */
  readonly from?: Masks | undefined;
  /** The only weights that may be kept: removed ones stay removed. For methods with `Pruner.confinable`. */
  readonly within?: Masks | undefined;
  /** For methods that need examples; see `Pruner.examplesOption`. */
  readonly data?: PruningData | undefined;
  /** A sanity check to apply to the mask: the result is then the check's. See `checks`. */
  readonly check?: CheckSettings | undefined;
  /** Longest expected time of walks; see `PruneRequest.limitMs`. */
  readonly limitMs?: number | undefined;
  /** Throw an error, rather than warn, for a mask that cuts outputs off or collapses a layer. */
  readonly strict?: boolean | undefined;
  readonly onProgress?: ((progress: PruneProgress) => void) | undefined;
  /** Called with each warning as soon as it is known. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Called at the start and the end, with progress, and with each warning. */
  readonly onEvent?: ((event: PruneEvent | LogEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PruneResult extends Pruning {
  readonly method: string;
  /** All options of the method. */
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly seed: number;
  /** The requested density, ⌊density · prunableCount⌋, and the number kept: more only if walks are kept whole. */
  readonly requestedDensity: number;
  readonly keepCount: number;
  readonly keptCount: number;
  /** Kept fraction. */
  readonly density: number;
  /** Of the method; without the check and the time of listeners. */
  readonly elapsedMs: number;
  readonly check?: AppliedCheck | undefined;
  /** Only if a check drew new weights: these, and their seed. */
  readonly weights?: Weights | undefined;
  readonly weightsSeed?: number | undefined;
  /** What `weights` were before a check scaled them; see {@link Checked}. */
  readonly unscaled?: Weights | undefined;
  /** Faults of the mask with remedies (see analysis/maskFaults.ts), and walks that took long; mostly empty. */
  readonly warnings: readonly string[];
}

/**
 * @param weights all finite, and variances at least 0; at least the prunable parameters
 * @throws ArgumentError for a method, density, seed, option, check or weight that is not usable, or, if `strict`, for
 *   a mask with a fault; signal.reason
 */
export async function prune(
  network: Network,
  weights: Weights,
  settings: PruneSettings,
): Promise<PruneResult> {
  const { method, density: requestedDensity, seed } = settings;
  const { pruner, options, check, keepCount } = requireUsable(network, weights, settings);
  const report = new PruneReport(network, keepCount, settings);
  report.started();
  const request: PruneRequest = {
    network,
    weights,
    keepCount,
    density: requestedDensity,
    seed,
    options,
    from: settings.from,
    within: settings.within,
    data: settings.data,
    signal: settings.signal,
    limitMs: settings.limitMs,
    onProgress: report.isWatched ? (progress) => report.progress(progress) : undefined,
    onWarning: (message) => report.warn(message),
  };
  const pruning = await pruner.prune(request);
  const elapsedMs = report.elapsedMs();
  const keptCount = requireCount(pruner, request, pruning.masks);
  const checked =
    settings.check && (await applyCheck(settings.check, { masks: pruning.masks, weights, seed }));
  const masks = checked?.masks ?? pruning.masks;
  const faults = maskWarnings(masks, `masks by ${method}`, {
    strict: settings.strict === true,
    method: { wholePaths: pruner.wholePaths, options },
    within: settings.within,
  });
  report.finished({ ...pruning, masks }, keptCount, elapsedMs, faults);
  return {
    ...pruning,
    masks,
    method,
    options,
    seed,
    requestedDensity,
    keepCount,
    keptCount,
    density: keptCount / network.prunableCount,
    elapsedMs,
    warnings: report.warnings,
    check: check && { name: check.check.name, options: check.options },
    weights: checked?.weights,
    weightsSeed: checked?.weightsSeed,
    unscaled: checked?.unscaled,
  };
}

/** Validates a request. @throws as {@link prune} */
function requireUsable(network: Network, weights: Weights, settings: PruneSettings) {
  const { density, seed, from, within, data, signal } = settings;
  const pruner = prunerByName(settings.method);
  const keepCount = keepCountAt(density, network.prunableCount);
  requireSeed(seed);
  const options = completeOptions(pruner, settings.options ?? {});
  if (!pruner.weightsAlone) requireUnits(network, `method ${pruner.name}`);
  requireMeaning(pruner, options, network);
  const check = settings.check && completeCheck(settings.check);
  if (check !== undefined && check.check.weightsAlone?.(check.options) !== true)
    requireUnits(network, `check ${check.check.name}`);
  requireFiniteWeights(network, weights);
  if (examplesOf(pruner, options) > 0) requireData(pruner, data);
  if (within !== undefined) requireWithin(pruner, keepCount, within, from);
  signal?.throwIfAborted();
  return { pruner, options, check, keepCount };
}

/** Reports to listeners. The time that they take does not count as the method's. */
class PruneReport {
  readonly warnings: string[] = [];
  readonly isWatched: boolean;
  readonly #network: Network;
  readonly #keepCount: number;
  readonly #settings: PruneSettings;
  readonly #progressEvent: ((progress: PruneProgress, elapsedMs: number) => void) | undefined;
  readonly #startT = performance.now();
  #listenersMs = 0;

  constructor(network: Network, keepCount: number, settings: PruneSettings) {
    const { onEvent, onProgress } = settings;
    this.#network = network;
    this.#keepCount = keepCount;
    this.#settings = settings;
    this.isWatched = onProgress !== undefined || onEvent !== undefined;
    this.#progressEvent = onEvent && progressEvents(onEvent, keepCount);
  }

  started(): void {
    this.#settings.onEvent?.({
      kind: "prune.started",
      method: this.#settings.method,
      density: this.#settings.density,
      keepCount: this.#keepCount,
      prunableCount: this.#network.prunableCount,
      layerShapes: layerShapes(this.#network),
    });
  }

  /** Since the start, without the time of listeners. */
  elapsedMs(): number {
    return performance.now() - this.#startT - this.#listenersMs;
  }

  progress(progress: PruneProgress): void {
    const elapsedMs = this.elapsedMs();
    this.#settings.onProgress?.(progress);
    this.#progressEvent?.(progress, elapsedMs);
    this.#listenersMs += this.elapsedMs() - elapsedMs;
  }

  warn(message: string): void {
    this.warnings.push(message);
    this.#settings.onWarning?.(message);
    this.#settings.onEvent?.({ kind: "log", level: "warning", message });
  }

  finished(pruning: Pruning, keptCount: number, elapsedMs: number, faults: readonly string[]): void {
    const { onEvent, method, density } = this.#settings;
    const { notes = [], walkCount, masks } = pruning;
    for (const message of notes) onEvent?.({ kind: "log", level: "info", message });
    for (const fault of faults) this.warn(fault);
    onEvent?.({
      kind: "prune.finished",
      method,
      requestedDensity: density,
      density: keptCount / this.#network.prunableCount,
      keptCount,
      ...(walkCount !== undefined && { walkCount }),
      elapsedMs,
      layers: layerMeasures(masks),
    });
  }
}

/** Least time between two reports of all layers; reports grow rarer in a longer pruning. */
const LAYERS_EVERY_MS = 100;
const LAYERS_EVERY_SHARE = 0.01;

/** Progress as events, with the progress of every layer in some of them and in the last. */
function progressEvents(
  onEvent: (event: PruneEvent) => void,
  keepCount: number,
): (progress: PruneProgress, elapsedMs: number) => void {
  let nextLayersMs = 0;
  return ({ fraction, layers, ...rest }, elapsedMs) => {
    const isDue = elapsedMs >= nextLayersMs || fraction === 1;
    if (isDue) nextLayersMs = elapsedMs + Math.max(LAYERS_EVERY_MS, LAYERS_EVERY_SHARE * elapsedMs);
    const layerProgress = isDue ? layers?.() : undefined;
    onEvent({
      kind: "prune.progress",
      ...rest,
      keepCount,
      elapsedMs,
      ...(layerProgress && { layerProgress }),
    });
  };
}

function requireSeed(seed: number): void {
  if (Number.isSafeInteger(seed) && seed >= 0) return;
  throw new ArgumentError("seed", { given: `${seed}`, expected: "a whole number from 0 to 2^53 − 1" });
}

/** @throws ArgumentError for a method that cannot be confined to some of the weights */
export function requireConfinable({ name, confinable }: Pick<Pruner, "name" | "confinable">): void {
  if (confinable) return;
  const able = [...pruners.values()].filter((pruner) => pruner.confinable).map((pruner) => pruner.name);
  throw new ArgumentError(`method ${name}`, {
    given: "a mask to choose the weights within",
    expected: `a method that can choose within one: ${able.join(", ")}`,
  });
}

/** @throws ArgumentError if the method cannot be confined so, or too few weights are allowed */
export function requireWithin(pruner: Pruner, keepCount: number, within: Masks, from?: Masks): void {
  requireConfinable(pruner);
  const { prunableCount } = within.network;
  // walks pass only weights on paths
  const { keptCount, ineffectiveCount } = maskFaults(within);
  const most = pruner.wholePaths ? keptCount - ineffectiveCount : keptCount;
  if (keepCount > most) {
    const left = most < keptCount ? "left on paths from input to output" : "left to choose from";
    throw new ArgumentError("density", {
      given: `${counted(keepCount, "weight")} to keep`,
      expected: `at most the ${most} of ${prunableCount} that are ${left}`,
      remedy:
        most > 0 ? `Ask for a density of at most ${most / prunableCount}.` : "Choose within another mask.",
    });
  }
  if (!from?.bytes.some((kept, k) => kept === 1 && within.bytes[k] === 0)) return;
  throw new ArgumentError("from", {
    given: "weights to keep that are not among those that may be kept",
    expected: "weights among these only",
  });
}

function requireData({ name }: Pruner, data: PruningData | undefined): void {
  let before = 0;
  for (const { x, count } of data?.batches ?? []) {
    const fault = firstUnusable(x);
    if (fault >= 0) {
      throw new ArgumentError(`example ${before + Math.floor(fault / (x.length / count))}`, {
        given: `${x[fault]} in it`,
        expected: "finite numbers",
        remedy: `Every score of ${name} depends on every example: correct it or leave it out.`,
      });
    }
    before += count;
  }
  if (data !== undefined && data.batches.length > 0) return;
  throw new ArgumentError(`method ${name}`, {
    given: "no examples",
    expected: "batches of examples and their classes, which it looks at",
    remedy: "Give examples, or use a method that needs none, such as phew.",
  });
}

/**
 * The number of weights kept.
 * @throws Error if it is not what the method declares: a bug of the method, not an error of the caller
 */
function requireCount(pruner: Pruner, request: PruneRequest, masks: Masks): number {
  const { network, weights, keepCount, from, within } = request;
  const keptCount = countKept(masks.bytes);
  const most = pruner.wholePaths
    ? keepCount + longestWalk(walkPlan(network, weights), "kernel") - 1
    : keepCount;
  if (keptCount < keepCount || keptCount > most) {
    throw new Error(`${pruner.name} kept ${counted(keptCount, "weight")}, not ${keepCount} to ${most}`);
  }
  if (from?.bytes.some((kept, k) => kept === 1 && masks.bytes[k] === 0)) {
    throw new Error(`${pruner.name} removed weights that were kept from the start`);
  }
  if (within?.bytes.some((kept, k) => kept === 0 && masks.bytes[k] === 1)) {
    if (pruner.wholePaths) {
      throw new ArgumentError(`method ${pruner.name}`, {
        given: "a mask to choose within, and options by which walks also take other weights",
        expected: "walks in proportion to magnitudes, and single weights",
        remedy: "Leave bias at magnitude or square, and granularity at weight.",
      });
    }
    throw new Error(`${pruner.name} kept weights that had been removed before`);
  }
  return keptCount;
}
