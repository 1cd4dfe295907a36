/** Writes ONNX models: the file that was read, with masks applied. */
import { ArgumentError, type Masks, type Weights } from "@phew/core";
import { type WriteOptions, writeBundle } from "../writeFile.ts";
import { compactEdit } from "./exportCompact.ts";
import { originalAndMasksEdit, zeroedEdit } from "./exportMasked.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import { modelBundle } from "./modelBundle.ts";

/**
 * - `zeroed`: the file's own bytes, with zeros for pruned weights.
 * - `compact`: units without effect are removed from the graph.
 * - `original+masks`: for each layer `<weight>_orig`, `<weight>_mask` and their product under the weight's name.
 */
export const ONNX_FORMS = ["zeroed", "compact", "original+masks"] as const;
export type OnnxForm = (typeof ONNX_FORMS)[number];

export interface OnnxExportOptions {
  /** Values of the parameters if they differ from the file's (trained since). */
  readonly weights?: Weights | undefined;
  /** Name of the external file, if the model has one. Default "model.onnx.data". */
  readonly dataName?: string | undefined;
}

export interface OnnxOutput {
  /** The model's bytes in order, generated on demand. */
  readonly model: Iterable<Uint8Array>;
  /** The bytes of its external file; undefined if it needs none. */
  readonly data: Iterable<Uint8Array> | undefined;
}

/** @throws ArgumentError if form or masks do not fit the model, or if it cannot be written in this form */
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
 * Writes a model to a file, and its external data, if the original had any, to `<path>.data`, or `<path>.1.data` and
 * so on if a file has that name. The data of a replaced model are deleted if they have such a name.
 * @throws ArgumentError as {@link exportOnnx} and {@link writeBundle}
 */
export async function writeOnnx(
  path: string,
  model: ImportedOnnx,
  masks: Masks,
  form: OnnxForm,
  options: WriteOptions & Pick<OnnxExportOptions, "weights"> = {},
): Promise<void> {
  const edit = editFor(form)(model, masks, options.weights);
  // its bytes do not depend on its name
  const { data } = edit.write("");
  const bundle = modelBundle(path, data?.chunks(), (dataName) => edit.write(dataName).model.chunks());
  await writeBundle(bundle, options);
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
        remedy:
          form === "masks"
            ? "An ONNX file holds a model, not masks alone: write masks to .safetensors or .npz."
            : undefined,
      });
  }
}
