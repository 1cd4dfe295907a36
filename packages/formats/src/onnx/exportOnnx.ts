/** ONNX models out: the file that was read, with masks in it. */
import { ArgumentError, type Masks, type Weights } from "@phew/core";
import { type WriteOptions, writeBundle } from "../writeFile.ts";
import { compactEdit } from "./exportCompact.ts";
import { originalAndMasksEdit, zeroedEdit } from "./exportMasked.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import { modelBundle } from "./modelBundle.ts";

/**
 * - `zeroed`: the file's own bytes, but for zeros where weights are pruned.
 * - `compact`: units that make no difference are cut out of the graph.
 * - `original+masks`: for each layer `<weight>_orig`, `<weight>_mask` and their product under the weight's name.
 */
export const ONNX_FORMS = ["zeroed", "compact", "original+masks"] as const;
export type OnnxForm = (typeof ONNX_FORMS)[number];

export interface OnnxExportOptions {
  /** Values for the parameters, where they are no longer the file's (trained since). */
  readonly weights?: Weights | undefined;
  /** What the external file is called, where the model that was read has one. Default "model.onnx.data". */
  readonly dataName?: string | undefined;
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
 * Writes a model to a file, and its external data, if the original had any, beside it: to `<path>.data`, or
 * `<path>.1.data` and so on where a file has that name. The data of the model that is replaced go with it, if they
 * bear such a name.
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
  // its bytes are the same whatever it is called
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
