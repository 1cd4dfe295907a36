/** ONNX models out: the file that was read, with masks in it. */
import { basename } from "node:path";
import { ArgumentError, type Masks, type Weights } from "@phew/core";
import { type WriteOptions, writeBundle } from "../writeFile.ts";
import { compactEdit } from "./exportCompact.ts";
import { originalAndMasksEdit, zeroedEdit } from "./exportMasked.ts";
import type { ImportedOnnx } from "./importGraph.ts";
import { readParts } from "./parts.ts";
import { fileSource } from "./source.ts";
import { externalPlace } from "./tensors.ts";

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
  const name = basename(path);
  const edit = editFor(form)(model, masks, options.weights);
  const dataName = (attempt: number) => `${name}${attempt === 0 ? "" : `.${attempt}`}.data`;
  const { data } = edit.write(dataName(0));
  const bundle = {
    path,
    parts: data === undefined ? [] : [data.chunks()],
    partNames: (attempt: number) => [dataName(attempt)],
    chunks: ([own = dataName(0)]: readonly string[]) => edit.write(own).model.chunks(),
    ownParts: () => externalNames(path).filter((other) => isDataName(other, name)),
  };
  await writeBundle(bundle, options);
}

/** The files that a model names; none where there is no model that can be read. */
function externalNames(path: string): string[] {
  try {
    const { initializers } = readParts(fileSource(path));
    const names = [...initializers.values()].map((part) => externalPlace(part)?.location);
    return [...new Set(names)].filter((name) => name !== undefined);
  } catch {
    return [];
  }
}

function isDataName(name: string, model: string): boolean {
  return name.startsWith(model) && /^(\.\d+)?\.data$/.test(name.slice(model.length));
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
