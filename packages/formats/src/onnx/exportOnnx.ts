/** ONNX models out: the file that was read, with masks in it. */
import { basename, dirname, join } from "node:path";
import { ArgumentError, type Masks, type Weights } from "@phew/core";
import { requireWritable, type WriteOptions, writeWhole } from "../writeFile.ts";
import { compactEdit } from "./exportCompact.ts";
import { originalAndMasksEdit, zeroedEdit } from "./exportMasked.ts";
import type { ImportedOnnx } from "./importGraph.ts";

/**
 * - `zeroed`: the file's own bytes, but for zeros where weights are pruned.
 * - `compact`: units that make no difference are cut out of the graph.
 * - `original+masks`: for each layer `<weight>_orig`, `<weight>_mask` and their product under the weight's name.
 */
export const ONNX_FORMS = ["zeroed", "compact", "original+masks"] as const;
export type OnnxForm = (typeof ONNX_FORMS)[number];

export interface OnnxExportOptions {
  /** Values for the parameters, where they are no longer the file's (trained since). */
  readonly weights?: Weights;
  /** What the external file is called, where the model that was read has one. Default "model.onnx.data". */
  readonly dataName?: string;
}

export interface OnnxOutput {
  /** The model's bytes in order, made while they are asked for. */
  readonly model: Iterable<Uint8Array>;
  /** The bytes of its external file; undefined where it needs none. */
  readonly data: Iterable<Uint8Array> | undefined;
}

/** @throws ArgumentError where form or masks do not fit the model, or it cannot be written in this form */
export function exportOnnx(
  model: ImportedOnnx,
  masks: Masks,
  form: OnnxForm,
  options: OnnxExportOptions = {},
): OnnxOutput {
  const edit = editFor(form)(model, masks, options.weights);
  const { model: written, data } = edit.write(options.dataName ?? "model.onnx.data");
  return { model: written.chunks(), data: data?.chunks() };
}

/**
 * Writes a model to a file, and its external data, if the original had any, to `<path>.data` beside it.
 * @throws ArgumentError as {@link exportOnnx} and {@link writeWhole}
 */
export async function writeOnnx(
  path: string,
  model: ImportedOnnx,
  masks: Masks,
  form: OnnxForm,
  options: WriteOptions & Pick<OnnxExportOptions, "weights"> = {},
): Promise<void> {
  const dataName = `${basename(path)}.data`;
  const { model: chunks, data } = exportOnnx(model, masks, form, { ...options, dataName });
  await requireWritable(path, options);
  // the model refers to the data, so that a model without it is never seen
  if (data !== undefined) await writeWhole(join(dirname(path), dataName), data, options);
  await writeWhole(path, chunks, options);
}

function editFor(form: string) {
  switch (form) {
    case "zeroed":
      return zeroedEdit;
    case "compact":
      return compactEdit;
    case "original+masks":
      return originalAndMasksEdit;
    default:
      throw new ArgumentError("form", {
        given: `"${form}"`,
        expected: `one of ${ONNX_FORMS.join(", ")} for an ONNX file`,
        ...(form === "masks"
          ? { remedy: "An ONNX file holds a model, not masks alone: write masks to .safetensors or .npz." }
          : {}),
      });
  }
}
