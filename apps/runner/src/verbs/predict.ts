/** `phew predict`: runs a network on a batch, masked or not: the proof that an import is faithful. */
import { elementCount, type Masks, maskWarnings, type Shape } from "@phew/core";
import {
  type BatchFile,
  float32Tensor,
  isOnnxModel,
  leftOutSoftmaxes,
  readBatch,
  readOnnxInterface,
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
} from "../compareOutputs.ts";
import { type ComputedOutput, type ComputeOptions, computeOutput } from "../computeOutput.ts";
import { Failure, UsageError } from "../failure.ts";
import { loadMaskedModel, type MaskedModel, type MaskedModelOptions } from "../maskedModel.ts";
import { type LoadedModel, namesFile } from "../model.ts";
import { printJson, printLines, printWarnings } from "../output.ts";
import { runSource } from "../runSource.ts";

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
  /** In the file; undefined where the model has one that nobody names. */
  readonly name: string | undefined;
  readonly masked: MaskedModel;
  readonly computed: ComputedOutput;
  /** `[count, ...]` */
  readonly shape: readonly number[];
  readonly difference?: Difference;
}

export async function predict(model: string | undefined, options: PredictOptions): Promise<void> {
  const force = { force: options.force === true };
  if (options.out !== undefined) await requireWritable(options.out, force);
  if (options.tolerance !== undefined && options.compare === undefined) {
    throw new UsageError("--tolerance", { given: "it without --compare", expected: "it beside --compare" });
  }
  const file = await onnxFile(model, options);
  if (options.compare === ONNXRUNTIME && file === undefined) {
    throw new UsageError("--compare", {
      given: "onnxruntime for what is no ONNX file",
      expected: "an ONNX file, or a file of expected outputs",
    });
  }
  const outputs = file?.outputs ?? [];
  const names = options.output !== undefined || outputs.length < 2 ? [options.output] : outputs;
  if (names.length > 1 && (options.masks !== undefined || options.masksFromZeros)) {
    throw new UsageError("--masks", {
      given: `them for a model with ${counted(names.length, "output")} (${names.join(", ")})`,
      expected: "one output",
      remedy: `Choose it: --output ${names[0]}.`,
    });
  }
  const first = await loadMaskedModel(model, named(options, names[0]));
  const batch = await readExamples(first, options, names.length > 1);
  const expected = await expectedTensors(model, options, first, batch);
  const predicted: Predicted[] = [];
  for (const [k, name] of names.entries()) {
    const masked = k === 0 ? first : await loadMaskedModel(model, named(options, name));
    const { loaded, file: maskFile } = masked;
    const computed = await computeOutput(loaded, maskFile?.masks, batch.x, batch.count, options);
    const own = name ?? outputs[0];
    const shape = [batch.count, ...outputShapeOf(loaded)];
    const other =
      expected === undefined ? undefined : otherValues(options, expected, own, shape, batch, maskFile?.masks);
    const softmaxes = leftOutSoftmaxes(loaded.source);
    const isPast = options.compare === ONNXRUNTIME;
    const difference =
      other === undefined
        ? {}
        : { difference: differenceOfLogits(computed.values, other, shape, softmaxes, isPast) };
    predicted.push({ name: names.length > 1 ? name : own, masked, computed, shape, ...difference });
  }
  if (options.out !== undefined) {
    const tensors = new Map<string, Tensor>(
      predicted.map(({ name, computed, shape }) => [
        names.length > 1 ? name! : "logits",
        float32Tensor(shape, computed.values),
      ]),
    );
    await writeSafetensors(options.out, tensors, { model: first.loaded.network.name }, force);
  }
  report(predicted, batch, options);
  requireWithin(predicted, options.tolerance);
}

/** As the file has it: reshapes behind the last layer leave the network's own output as it is. */
const outputShapeOf = ({ source, network }: LoadedModel): Shape =>
  source.format === "onnx" ? source.onnx.onnx.outputShape : network.outputShape;

const named = (options: PredictOptions, output: string | undefined): PredictOptions =>
  output === undefined ? options : { ...options, output };

/** What the model's file says of its outputs, where it is ONNX. */
async function onnxFile(model: string | undefined, { architecture }: PredictOptions) {
  if (
    model === undefined ||
    architecture !== undefined ||
    !namesFile(model) ||
    runSource(model) !== undefined
  )
    return undefined;
  return (await isOnnxModel(model).catch(() => false)) ? readOnnxInterface(model) : undefined;
}

/** Classes are looked at where the output is one number a class. */
async function readExamples(
  { loaded }: MaskedModel,
  options: PredictOptions,
  isSeveral: boolean,
): Promise<BatchFile> {
  const { inputShape, outputShape } = loaded.network;
  const isList = (shape: Shape) => elementCount(shape) === shape[0];
  const classifies = !isSeveral && (isList(outputShape) || isList(outputShapeOf(loaded)));
  return readBatch(options.batch, {
    inputShape,
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    ...(classifies ? { classCount: elementCount(outputShape) } : { labelled: false }),
  });
}

/** What is compared with: what was asked for, else what the batch holds beside its examples. */
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

function report(predicted: readonly Predicted[], batch: BatchFile, options: PredictOptions): void {
  const [{ masked, computed, shape }] = predicted as [Predicted];
  const { loaded, file } = masked;
  const masks = file?.masks;
  const warnings = masks === undefined ? [] : maskWarnings(masks, "masks");
  const own = predicted.flatMap((each) => [...each.masked.loaded.notes, ...logitsNote(each, options)]);
  const notes = [...new Set([...own, ...batch.notes, ...labelsNote(batch, options)])];
  const classCount = elementCount(loaded.network.outputShape);
  const accuracy = batch.y === undefined ? undefined : accuracyOf(computed.values, batch.y, classCount);
  const elapsedMs = predicted.reduce((sum, each) => sum + each.computed.elapsedMs, 0);
  if (options.json) {
    printJson({
      model: loaded.network.name,
      weights: loaded.origin,
      notes,
      warnings,
      executor: computed.backend,
      count: batch.count,
      density: masks?.density ?? 1,
      accuracy,
      difference: predicted[0]!.difference?.absolute,
      outputs: predicted.map((each) => ({ name: each.name, shape: each.shape, difference: each.difference })),
      elapsedMs,
      out: options.out,
    });
    return;
  }
  printWarnings(warnings);
  for (const note of notes) printLines(`note: ${note}`);
  printLines(
    `${loaded.network.name}: ${counted(batch.count, "example")} on ${computed.executor} (${computed.backend}) in ${formatDuration(elapsedMs)}`,
  );
  if (predicted.length > 1 || shape.length !== 2) {
    for (const each of predicted) printLines(`output ${each.name ?? ""}: [${each.shape.join(", ")}]`);
  }
  if (accuracy !== undefined) printLines(`accuracy: ${formatAccuracy(accuracy)}`);
  const source =
    options.compare === undefined
      ? "the batch's own logits"
      : options.compare === ONNXRUNTIME
        ? ONNXRUNTIME
        : options.compare;
  for (const { name, difference } of predicted) {
    if (difference === undefined) continue;
    const of = predicted.length > 1 ? ` of ${name}` : "";
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

/** Of an output that the file has past a softmax. */
function logitsNote({ name, masked }: Predicted, { out }: PredictOptions): string[] {
  const [softmax] = leftOutSoftmaxes(masked.loaded.source);
  if (out === undefined || softmax === undefined) return [];
  const subject = name === undefined ? "the output" : `"${name}"`;
  return [
    `What ${out} holds of ${subject} are logits, from before the ${softmax.kind} that is left out here.`,
  ];
}

/** Of labels that are not looked at. */
function labelsNote({ tensors, y }: BatchFile, { batch, compare }: PredictOptions): string[] {
  if (y !== undefined || !tensors.has("y") || compare === batch) return [];
  return ["y of the batch is not looked at: accuracy is told of one output with a number for each class."];
}

function placeText({ relative, at, own, expected }: Difference): string {
  const [example, ...index] = at;
  return ` (relative ${formatMeasure(relative)}), example ${example}, [${index.join(", ")}]: ${own}, not ${expected}`;
}

function requireWithin(predicted: readonly Predicted[], tolerance: number | undefined): void {
  if (tolerance === undefined) return;
  for (const { name, difference } of predicted) {
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
