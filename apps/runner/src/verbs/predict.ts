/** `phew predict`: runs a network on a batch, masked or not: the proof that an import is faithful. */
import { elementCount, type Masks, maskWarnings, type Shape } from "@phew/core";
import {
  type BatchFile,
  float32Tensor,
  isOnnxModel,
  type ModelOutput,
  modelInputs,
  modelOutputs,
  readBatch,
  readTensors,
  requireWritable,
  type Tensor,
  type Tensors,
  writeSafetensors,
} from "@phew/formats";
import { counted, formatAccuracy, formatDuration, formatMeasure } from "@phew/runs";
import {
  type Difference,
  differenceOfLogits,
  expectedOutput,
  ONNXRUNTIME,
  runOnnxruntime,
} from "../compare/compareOutputs.ts";
import { type ComputedOutput, type ComputeOptions, computeOutput } from "../computeOutput.ts";
import { Failure, UsageError } from "../failure.ts";
import { printJson, printLines, printWarnings } from "../output/output.ts";
import { loadMaskedModel, type MaskedModel, type MaskedModelOptions } from "../sources/maskedModel.ts";
import { type LoadedModel, namesFile } from "../sources/model.ts";
import { runSource } from "../sources/runSource.ts";

interface PredictOptions extends MaskedModelOptions, ComputeOptions {
  readonly batch: string;
  readonly scale?: number;
  readonly out?: string;
  readonly compare?: string;
  readonly tolerance?: number;
  readonly force?: boolean;
}

/** One output of the model, computed. */
interface Predicted {
  readonly output: ModelOutput;
  /** `[count, ...]` */
  readonly shape: readonly number[];
  readonly values: Float32Array;
  readonly difference?: Difference;
}

export async function predict(model: string | undefined, options: PredictOptions): Promise<void> {
  const force = { force: options.force === true };
  if (options.out !== undefined) await requireWritable(options.out, force);
  if (options.tolerance !== undefined && options.compare === undefined) {
    throw new UsageError("--tolerance", { given: "it without --compare", expected: "it beside --compare" });
  }
  if (options.compare === ONNXRUNTIME && !(await isOnnxFile(model, options))) {
    throw new UsageError("--compare", {
      given: "onnxruntime for what is no ONNX file",
      expected: "an ONNX file, or a file of expected outputs",
    });
  }
  const masked = await loadMaskedModel(model, options);
  const { loaded, file: maskFile } = masked;
  const outputs = modelOutputs(loaded.source);
  const batch = await readExamples(loaded, options);
  const expected = await expectedTensors(model, options, masked, batch);
  const computed = await computeOutput(loaded, maskFile?.masks, batch.x, batch.count, options);
  const predicted = outputs.map((output): Predicted => {
    const shape = [batch.count, ...output.shape];
    const values = valuesOf(output, computed.values, batch.count);
    const other =
      expected === undefined
        ? undefined
        : otherValues(options, expected, output.name, shape, batch, maskFile?.masks);
    if (other === undefined) return { output, values, shape };
    const isPast = options.compare === ONNXRUNTIME;
    return {
      output,
      values,
      shape,
      difference: differenceOfLogits(values, other, shape, output.softmaxes, isPast),
    };
  });
  if (options.out !== undefined) {
    const tensors = new Map<string, Tensor>(
      predicted.map(({ output, values, shape }) => [
        outputs.length > 1 ? output.name! : "logits",
        float32Tensor(shape, values),
      ]),
    );
    await writeSafetensors(options.out, tensors, { model: loaded.network.name }, force);
  }
  report(masked, computed, predicted, batch, options);
  requireWithin(predicted, options.tolerance);
}

/** One output's part of all that the network puts out, row-major `[count, ...output.shape]`. */
function valuesOf({ start, shape, places }: ModelOutput, all: Float32Array, count: number): Float32Array {
  const length = elementCount(shape);
  const whole = all.length / count;
  if (length === whole && places === undefined) return all;
  const values = new Float32Array(count * length);
  for (let k = 0; k < count; k++) {
    const own = all.subarray(k * whole + start, k * whole + start + length);
    if (places === undefined) values.set(own, k * length);
    else for (const [at, place] of places.entries()) values[k * length + at] = own[place]!;
  }
  return values;
}

/** True if the model is an ONNX file. */
async function isOnnxFile(model: string | undefined, { architecture }: PredictOptions): Promise<boolean> {
  if (
    model === undefined ||
    architecture !== undefined ||
    !namesFile(model) ||
    runSource(model) !== undefined
  )
    return false;
  return isOnnxModel(model).catch(() => false);
}

/** Classes are compared if the only output has one number per class. */
async function readExamples({ network, source }: LoadedModel, options: PredictOptions): Promise<BatchFile> {
  const { outputShape } = network;
  const isList = (shape: Shape) => elementCount(shape) === shape[0];
  const [{ shape }, ...others] = modelOutputs(source) as [ModelOutput, ...ModelOutput[]];
  const classifies = others.length === 0 && (isList(outputShape) || isList(shape));
  return readBatch(options.batch, {
    inputs: modelInputs(source),
    scale: options.scale,
    ...(classifies ? { classCount: elementCount(outputShape) } : { labelled: false }),
  });
}

/** The expected values: the given ones, else those that the batch holds beside its examples. */
async function expectedTensors(
  model: string | undefined,
  { compare }: PredictOptions,
  { loaded, file }: MaskedModel,
  batch: BatchFile,
): Promise<Tensors | undefined> {
  if (compare === undefined) return batch.tensors;
  if (compare === ONNXRUNTIME) return runOnnxruntime(model!, loaded, file?.masks, batch.x, batch.count);
  return (await readTensors(compare)).tensors;
}

function otherValues(
  { compare, batch: path }: PredictOptions,
  expected: Tensors,
  name: string | undefined,
  shape: readonly number[],
  batch: BatchFile,
  masks: Masks | undefined,
): Float32Array | undefined {
  if (compare !== undefined) return expectedOutput(compare, expected, name, shape);
  // logits beside the batch are those of the unmasked network
  const logits = batch.tensors.get("logits");
  if (logits === undefined || masks !== undefined) return undefined;
  if (elementCount(logits.shape) !== elementCount(shape)) return undefined;
  return expectedOutput(path, new Map([["logits", { ...logits, shape }]]), undefined, shape);
}

function report(
  { loaded, file }: MaskedModel,
  { executor, backend, elapsedMs, values }: ComputedOutput,
  predicted: readonly Predicted[],
  batch: BatchFile,
  options: PredictOptions,
): void {
  const [{ shape }] = predicted as [Predicted];
  const masks = file?.masks;
  const warnings = masks === undefined ? [] : maskWarnings(masks, "masks");
  const logits = predicted.flatMap((each) => logitsNote(each, options));
  const notes = [...loaded.notes, ...logits, ...batch.notes, ...labelsNote(batch, options)];
  const classCount = elementCount(loaded.network.outputShape);
  const accuracy = batch.y === undefined ? undefined : accuracyOf(values, batch.y, classCount);
  if (options.json) {
    printJson({
      model: loaded.network.name,
      weights: loaded.origin,
      notes,
      warnings,
      executor: backend,
      count: batch.count,
      density: masks?.density ?? 1,
      accuracy,
      difference: predicted[0]!.difference?.absolute,
      outputs: predicted.map((each) => ({
        name: each.output.name,
        shape: each.shape,
        difference: each.difference,
      })),
      elapsedMs,
      out: options.out,
    });
    return;
  }
  printWarnings(warnings);
  for (const note of notes) printLines(`note: ${note}`);
  printLines(
    `${loaded.network.name}: ${counted(batch.count, "example")} on ${executor} (${backend}) in ${formatDuration(elapsedMs)}`,
  );
  if (predicted.length > 1 || shape.length !== 2) {
    for (const each of predicted) printLines(`output ${each.output.name ?? ""}: [${each.shape.join(", ")}]`);
  }
  if (accuracy !== undefined) printLines(`accuracy: ${formatAccuracy(accuracy)}`);
  const source =
    options.compare === undefined
      ? "the batch's own logits"
      : options.compare === ONNXRUNTIME
        ? ONNXRUNTIME
        : options.compare;
  for (const { output, difference } of predicted) {
    if (difference === undefined) continue;
    const of = predicted.length > 1 ? ` of ${output.name}` : "";
    const where = options.compare === undefined || difference.absolute === 0 ? "" : placeText(difference);
    const after =
      difference.after === undefined ? "" : ` after the ${difference.after} that is left out here`;
    printLines(
      `greatest difference${of} from ${source}${after}: ${formatMeasure(difference.absolute)}${where}`,
    );
  }
  const held = predicted.length > 1 ? "The outputs are" : shape.length === 2 ? "Logits are" : "The output is";
  printLines(
    options.out === undefined
      ? "Nothing written: give --out FILE to keep the logits."
      : `${held} in ${options.out}.`,
  );
}

/** States that logits are written if the file has a softmax behind this output. */
function logitsNote({ output: { name, softmaxes } }: Predicted, { out }: PredictOptions): string[] {
  const [softmax] = softmaxes;
  if (out === undefined || softmax === undefined) return [];
  const subject = name === undefined ? "the output" : `"${name}"`;
  return [
    `What ${out} holds of ${subject} are logits, from before the ${softmax.kind} that is left out here.`,
  ];
}

/** States that the labels of the batch are not used. */
function labelsNote({ tensors, y }: BatchFile, { batch, compare }: PredictOptions): string[] {
  if (y !== undefined || !tensors.has("y") || compare === batch) return [];
  return [
    "y of the batch is not used: accuracy is computed of a single output that has a number for each class.",
  ];
}

function placeText({ relative, at, own, expected }: Difference): string {
  const [example, ...index] = at;
  return ` (relative ${formatMeasure(relative)}), example ${example}, [${index.join(", ")}]: ${own}, not ${expected}`;
}

function requireWithin(predicted: readonly Predicted[], tolerance: number | undefined): void {
  if (tolerance === undefined) return;
  for (const {
    output: { name },
    difference,
  } of predicted) {
    if (difference === undefined || difference.relative <= tolerance) continue;
    throw new Failure(
      `the output${name === undefined ? "" : ` "${name}"`} differs by ${formatMeasure(difference.relative)} of its largest value, more than the tolerance of ${tolerance}.`,
    );
  }
}

function accuracyOf(logits: Float32Array, y: ArrayLike<number>, classCount: number): number {
  let correctCount = 0;
  for (let k = 0; k < y.length; k++) {
    let best = 0;
    const start = k * classCount;
    for (let c = 1; c < classCount; c++) if (logits[start + c]! > logits[start + best]!) best = c;
    if (best === y[k]) correctCount++;
  }
  return correctCount / y.length;
}
