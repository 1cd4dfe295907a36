/** `phew predict`: runs a network on a batch, masked or not: the proof that an import is faithful. */
import { elementCount, maskWarnings } from "@phew/core";
import {
  float32Tensor,
  readBatch,
  readTensors,
  requireWritable,
  toFloat32,
  writeSafetensors,
} from "@phew/formats";
import { formatAccuracy, formatCount, formatDuration, formatMeasure } from "@phew/runs";
import { executorNames, loadExecutor } from "@phew/training";
import { loadMaskedModel, type MaskedModelOptions } from "../maskedModel.ts";
import { printJson, printLines, printWarnings } from "../output.ts";
import { startProgress } from "../progress.ts";

interface PredictOptions extends MaskedModelOptions {
  readonly batch: string;
  readonly out?: string;
  readonly executor?: string;
  readonly fastMath?: boolean;
  readonly threads?: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Examples computed at a time: bounds the memory of activations. */
const CHUNK = 64;

export async function predict(model: string | undefined, options: PredictOptions): Promise<void> {
  const force = { force: options.force === true };
  if (options.out !== undefined) await requireWritable(options.out, force);
  const { loaded, file } = await loadMaskedModel(model, options);
  const { network, weights } = loaded;
  const masks = file?.masks;
  const warnings = masks === undefined ? [] : maskWarnings(masks, "masks");
  if (!options.json) printWarnings(warnings);
  const batch = await readBatch(options.batch, {
    inputShape: network.inputShape,
    classCount: network.outputShape[0]!,
  });
  const expected = await expectedLogits(options.batch, batch.count * network.outputShape[0]!);

  const factory = await loadExecutor(options.executor ?? executorNames[0]!, {
    fastMath: options.fastMath ?? false,
  });
  const executor = await factory({
    network,
    weights,
    ...(masks === undefined ? {} : { masks }),
    optimiser: { momentum: 0, nesterov: false, weightDecay: 0 },
    batchSize: Math.min(CHUNK, batch.count),
    seed: 0,
    ...(options.threads === undefined ? {} : { threadCount: options.threads }),
  });
  const outputLength = elementCount(network.outputShape);
  const inputLength = elementCount(network.inputShape);
  const logits = new Float32Array(batch.count * outputLength);
  const progress = startProgress("predict", options.json);
  const started = performance.now();
  try {
    for (let first = 0; first < batch.count; first += CHUNK) {
      const count = Math.min(CHUNK, batch.count - first);
      const x = batch.x.subarray(first * inputLength, (first + count) * inputLength);
      logits.set(await executor.predict(x, count), first * outputLength);
      progress.update((first + count) / batch.count, `${formatCount(first + count)} examples`);
    }
  } finally {
    progress.done();
    executor.dispose();
  }
  const elapsedMs = performance.now() - started;
  if (options.out !== undefined) {
    const tensors = new Map([["logits", float32Tensor([batch.count, ...network.outputShape], logits)]]);
    await writeSafetensors(options.out, tensors, { model: network.name }, force);
  }
  const accuracy = batch.y === undefined ? undefined : accuracyOf(logits, batch.y, outputLength);
  // logits of the unmasked network tell nothing of the masked one
  const difference =
    expected === undefined || masks !== undefined ? undefined : greatestDifference(logits, expected);
  const density = masks?.density ?? 1;
  if (options.json) {
    printJson({
      model: network.name,
      weights: loaded.origin,
      notes: loaded.notes,
      warnings,
      executor: executor.backend,
      count: batch.count,
      density,
      accuracy,
      difference,
      elapsedMs,
      out: options.out,
    });
    return;
  }
  for (const note of loaded.notes) printLines(`note: ${note}`);
  printLines(
    `${network.name}: ${formatCount(batch.count)} examples on ${executor.name} (${executor.backend}) in ${formatDuration(elapsedMs)}`,
  );
  if (accuracy !== undefined) printLines(`accuracy: ${formatAccuracy(accuracy)}`);
  if (difference !== undefined)
    printLines(`greatest difference from the batch's own logits: ${formatMeasure(difference)}`);
  printLines(
    options.out === undefined
      ? "Nothing written: give --out FILE to keep the logits."
      : `Logits are in ${options.out}.`,
  );
}

/** `logits` beside the batch, as another program computed them, where the file has them in the right number. */
async function expectedLogits(file: string, count: number): Promise<Float32Array | undefined> {
  const tensor = (await readTensors(file)).tensors.get("logits");
  if (tensor === undefined || elementCount(tensor.shape) !== count) return undefined;
  return toFloat32(tensor);
}

function accuracyOf(logits: Float32Array, y: ArrayLike<number>, classCount: number): number {
  let correctCount = 0;
  for (let k = 0; k < y.length; k++) {
    const row = logits.subarray(k * classCount, (k + 1) * classCount);
    if (row.indexOf(Math.max(...row)) === y[k]) correctCount++;
  }
  return correctCount / y.length;
}

function greatestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, k) => Math.max(most, Math.abs(value - b[k]!)), 0);
}
