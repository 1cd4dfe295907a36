/** The pruning of a run: its masks, in its folder. */
import { createHash } from "node:crypto";
import {
  layerMeasures,
  Masks,
  measures,
  type PruneResult,
  prune,
  type RunEvent,
  type Weights,
} from "@phew/core";
import {
  digestWeights,
  type MaskOrigin,
  maskTensors,
  readMaskFile,
  readMasks,
  writeMasks,
  writeSafetensors,
} from "@phew/formats";
import type { RunWriter } from "@phew/runs";
import { dataOfDataset, looksAtExamples } from "../prune/pruningData.ts";
import { DENSE } from "../settings/pruning.ts";
import { version } from "../version.ts";
import { startDensityOf } from "./loopSettings.ts";
import { type Material, variantEntry } from "./runMaterial.ts";

export type Recorder = (event: RunEvent) => void;

/** Prunes, and writes the masks. @returns the weights to train from, which a check may have replaced */
export async function prunedAndKept(
  material: Material,
  writer: RunWriter,
  record: Recorder,
  signal: AbortSignal,
): Promise<{ masks: Masks; weights: Weights }> {
  const { masks, ...made } = await pruned(material, record, signal);
  const weights = made.weights ?? (await material.initial());
  // a check's own weights are those that its mask is for
  const madeFor = made.unscaled ?? made.weights ?? material.sources.scoreWeights ?? weights;
  const origin = originOf(material, madeFor, made);
  const options = { force: true, model: material.model };
  const names = material.config.rule === undefined ? [MASKS] : [INITIAL_MASKS, MASKS];
  for (const name of names) await writer.write(name, (file) => writeMasks(file, masks, origin, options));
  return { masks, weights };
}

const MASKS = "masks.safetensors";
/** Beside those at the end, of a run whose rule changes them. */
const INITIAL_MASKS = "initial-masks.safetensors";

/** Replaces the masks of a run's folder by those that its training ended with. */
export async function keepFinalMasks(
  { config, model, network }: Material,
  writer: RunWriter,
  masks: Masks,
): Promise<void> {
  const { metadata } = await readMaskFile(writer.path(INITIAL_MASKS), network, model);
  const final = {
    ...metadata,
    density: `${masks.density}`,
    rule: `${config.rule}`,
    ruleOptions: JSON.stringify(config.ruleOptions ?? {}),
    epochs: `${config.epochs}`,
  };
  await writer.write(MASKS, (file) =>
    writeSafetensors(file, maskTensors(masks, model), final, { force: true }),
  );
}

/** The masks with which the run began: from its folder, or made again if they are missing or changed. */
export async function masksAgain(
  material: Material,
  writer: RunWriter,
  digest: string,
  signal: AbortSignal,
): Promise<Masks> {
  const name = material.config.rule === undefined ? MASKS : INITIAL_MASKS;
  const kept = await readMasks(writer.path(name), material.network, material.model).catch(() => undefined);
  if (kept !== undefined && digestMasks(kept) === digest) return kept;
  return (await prunedAndKept(material, writer, () => undefined, signal)).masks;
}

export function digestMasks(masks: Masks): string {
  return createHash("sha256").update(masks.bytes).digest("hex");
}

/** Input of a run's training: its masks, and weights that a check changed. */
type Pruned = Pick<PruneResult, "masks" | "check" | "weights" | "weightsSeed" | "unscaled">;

/** The masks to train with; a dense run has full masks, so that it is measured in the same way. */
async function pruned(material: Material, record: Recorder, signal: AbortSignal): Promise<Pruned> {
  const { config, place, dataset, network, sources } = material;
  const { method, seed, options } = config;
  const density = startDensityOf(config);
  const initial = await material.initial();
  const finish = (event: RunEvent & { kind: "prune.finished" }, masks: Masks, weights: Weights = initial) =>
    record({ ...event, measures: measures(weights, masks) });
  if (method === DENSE) {
    const masks = Masks.dense(network);
    const layers = layerMeasures(masks);
    const whole = {
      method,
      requestedDensity: 1,
      density: 1,
      keptCount: network.prunableCount,
      elapsedMs: 0,
      layers,
    };
    finish({ kind: "prune.finished", ...whole }, masks);
    return { masks };
  }
  let last: (RunEvent & { kind: "prune.finished" }) | undefined;
  const onEvent = (event: RunEvent) => {
    if (event.kind === "prune.finished") last = event;
    else record(event);
  };
  const { check: name, checkOptions } = config;
  const check = name === undefined ? undefined : { name, options: checkOptions };
  const { threadCount } = place;
  const subject = { network, method, options, seed, threadCount };
  const data = looksAtExamples(method, options) ? await dataOfDataset(subject, dataset) : undefined;
  const { scoreWeights = initial, within } = sources;
  const pruning = await prune(network, scoreWeights, {
    method,
    density,
    seed,
    options,
    within,
    data,
    check,
    strict: place.strict,
    limitMs: place.limitMs,
    signal,
    onEvent,
  });
  finish(last!, pruning.masks, pruning.weights);
  return pruning;
}

function originOf(
  { config, network }: Material,
  weights: Weights,
  { check, weightsSeed }: Pick<Pruned, "check" | "weightsSeed">,
): MaskOrigin {
  const { method, options, seed } = config;
  const density = startDensityOf(config);
  const weightsDigest = digestWeights(network, weights);
  return {
    ...{ method, options, seed, requestedDensity: density, weightsDigest, version },
    check,
    weightsSeed,
    output: config.output,
    ...variantEntry(config, network),
  };
}
