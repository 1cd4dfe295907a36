/** One job of a comparison: all methods at one density from one seed, pruned and measured one after the other. */
import {
  analyse,
  type MaskOverlap,
  type Masks,
  overlap,
  type PathKernelTrace,
  type PruningData,
  prune,
  type RunEvent,
  traceLogs,
  type Wide,
  widePathKernelTrace,
} from "@phew/core";
import { modelInputs } from "@phew/formats";
import type { ComparedMask } from "@phew/report";
import type { Dataset } from "@phew/training";
import type { MaskRecipe } from "../prune/maskRecipe.ts";
import {
  dataOfBatchFile,
  dataOfDataset,
  loadExamples,
  looksAtExamples,
  type PruningSubject,
} from "../prune/pruningData.ts";
import { type LoadedModel, loadModel, type ModelOptions, namesFile } from "../sources/model.ts";
import { keptMask } from "./keptMask.ts";

/** Data common to all jobs of a comparison. */
export interface ComparePlan {
  readonly model: string;
  readonly options: ModelOptions;
  readonly recipes: readonly MaskRecipe[];
  readonly overlaps: boolean;
  /** A mask that breaks the network is an error. */
  readonly strict: boolean;
  /** Longest that the walks of a mask may be expected to take, in milliseconds; an hour unless given. */
  readonly limitMs?: number | undefined;
  /** Folder in which each mask is kept as a run; none are kept without. */
  readonly runs?: string | undefined;
  /** For methods that need examples: a batch file, or a data set. */
  readonly examples?:
    | { readonly batch: string }
    | { readonly dataset: string; readonly dataDir?: string | undefined }
    | undefined;
}

export interface CompareJob {
  readonly density: number;
  readonly seed: number;
}

export interface ComparedOverlap extends Pick<MaskOverlap, "jaccard" | "chance" | "standardScore"> {
  readonly a: string;
  readonly b: string;
  readonly requestedDensity: number;
  readonly seed: number;
}

export interface CompareResult {
  readonly masks: readonly ComparedMask[];
  readonly overlaps: readonly ComparedOverlap[];
}

/** Whether the seed decides the weights. */
export function isDrawn({ model, options }: Pick<ComparePlan, "model" | "options">): boolean {
  return options.weights === undefined && options.architecture === undefined && !namesFile(model);
}

/** Does jobs one after the other; the weights of the last seed, and the dense network's trace, are kept for the next. */
export class CompareRunner {
  readonly #plan: ComparePlan;
  #seed: number | undefined;
  #loaded: LoadedModel | undefined;
  #denseTrace: PathKernelTrace<Wide> | undefined;
  #dataset: Promise<Dataset> | undefined;

  constructor(plan: ComparePlan) {
    this.#plan = plan;
  }

  /** @param onFraction done fraction of the job, 0 … 1 */
  async run(
    { density, seed }: CompareJob,
    onFraction: (fraction: number, doing: string) => void,
  ): Promise<CompareResult> {
    const { recipes, overlaps } = this.#plan;
    const loaded = await this.#load(seed);
    const compared: ComparedMask[] = [];
    const kept: Masks[] = [];
    for (const [k, recipe] of recipes.entries()) {
      onFraction(k / recipes.length, recipe.label);
      const { mask, masks } = await this.#compared(loaded, recipe, density, seed, (fraction) =>
        onFraction((k + fraction) / recipes.length, recipe.label),
      );
      compared.push(mask);
      if (overlaps) kept.push(masks);
    }
    return { masks: compared, overlaps: this.#overlapsOf(kept, density, seed) };
  }

  async #load(seed: number): Promise<LoadedModel> {
    if (this.#seed !== seed || this.#loaded === undefined) {
      this.#denseTrace = undefined;
      this.#loaded = await loadModel(this.#plan.model, { ...this.#plan.options, seed });
      this.#seed = seed;
    }
    this.#denseTrace ??= widePathKernelTrace(this.#loaded.network, this.#loaded.weights);
    return this.#loaded;
  }

  async #compared(
    loaded: LoadedModel,
    recipe: MaskRecipe,
    density: number,
    seed: number,
    onFraction: (fraction: number) => void,
  ): Promise<{ mask: ComparedMask; masks: Masks }> {
    const { network, weights } = loaded;
    const { label, method, options, check } = recipe;
    const settings = {
      ...{ method, density, seed, options, check },
      strict: this.#plan.strict,
      limitMs: this.#plan.limitMs,
      ...(looksAtExamples(method, options) && {
        data: await this.#dataFor({ network, inputs: modelInputs(loaded.source), method, options, seed }),
      }),
      onProgress: ({ fraction }: { readonly fraction: number }) => onFraction(fraction),
    };
    const { runs } = this.#plan;
    const work = (onEvent?: (event: RunEvent) => void) => prune(network, weights, { ...settings, onEvent });
    const result = await (runs === undefined
      ? work()
      : keptMask(runs, loaded, { recipe, density, seed, isDrawn: isDrawn(this.#plan) }, work));
    // newly drawn weights have their own dense trace
    const analysis = analyse(result.weights ?? weights, result.masks, {
      ...(result.weights === undefined && { denseTrace: this.#denseTrace! }),
      without: ["path-sum", "fans"],
    });
    const mask: ComparedMask = {
      method: label,
      requestedDensity: density,
      seed,
      density: analysis.density,
      effectiveDensity: analysis.effectiveDensity,
      pathKernelTrace: analysis.pathKernelTrace!,
      relativeTrace: analysis.relativeTrace!,
      ...traceLogs(analysis),
      meanWidth: analysis.meanWidth,
      minWidth: analysis.minWidth,
      deadUnitCount: analysis.deadUnitCount,
      ineffectiveCount: analysis.ineffectiveCount,
      collapsedCount: analysis.collapsedLayers.length,
      logPathCount: analysis.logPathCount!,
      ...(result.walkCount !== undefined && { walkCount: result.walkCount }),
      warnings: result.warnings,
      elapsedMs: result.elapsedMs,
      layers: analysis.layers.map(({ name, density: own, width }) => ({ name, density: own, width })),
    };
    return { mask, masks: result.masks };
  }

  async #dataFor(subject: PruningSubject): Promise<PruningData> {
    const { examples } = this.#plan;
    if (examples === undefined) throw new Error(`${subject.method} without examples`);
    if ("batch" in examples) return dataOfBatchFile(subject, examples.batch);
    this.#dataset ??= loadExamples(examples.dataset, examples.dataDir);
    return dataOfDataset(subject, await this.#dataset);
  }

  #overlapsOf(masks: readonly Masks[], requestedDensity: number, seed: number): ComparedOverlap[] {
    const { recipes } = this.#plan;
    return masks.flatMap((a, k) =>
      masks.slice(k + 1).map((b, j) => {
        const { jaccard, chance, standardScore } = overlap(a, b);
        const names = { a: recipes[k]!.label, b: recipes[k + 1 + j]!.label };
        return { ...names, requestedDensity, seed, jaccard, chance, standardScore };
      }),
    );
  }
}
