/** Writes masked models in the forms that PyTorch and TensorFlow users load. */
import { extname } from "node:path";
import {
  ArgumentError,
  counted,
  isLoose,
  type Masks,
  type Network,
  requireUnits,
  unknownName,
} from "@phew/core";
import {
  EXPORT_FORMS,
  type ExportableModel,
  type ExportForm,
  type ExportOptions,
  LAYOUTS,
} from "./exportForm.ts";
import { modelOutputs, otherOutputs } from "./modelOutputs.ts";
import type { NetworkOnnxForm } from "./onnx/networkAsOnnx.ts";
import { writeOnnx } from "./onnx/onnx.ts";

/**
 * Writes a masked model in the format of the name's ending: `.safetensors`, `.npz`, `.json` (TensorFlow.js) or
 * `.onnx` (the source file if that is ONNX; else a new model).
 * @returns notes for the user, one sentence each
 * @throws ArgumentError if form, format and model are not compatible, or if the file cannot be written
 */
export async function exportModel(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: ExportForm,
  options: ExportOptions = {},
): Promise<readonly string[]> {
  if (!EXPORT_FORMS.includes(form)) throw unknownName("form", form, EXPORT_FORMS);
  if (options.layout !== undefined && !LAYOUTS.includes(options.layout))
    throw unknownName("layout", options.layout, LAYOUTS);
  const notes = await write(path, model, masks, form, options);
  return [...notes, ...otherOutputNotes(path, model, form)];
}

async function write(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: ExportForm,
  options: ExportOptions,
): Promise<readonly string[]> {
  if (isLoose(model.network)) return writeLoose(path, model, masks, form, options);
  switch (extname(path)) {
    case ".safetensors":
    case ".npz": {
      const { writeTensors } = await import("./exportTensors.ts");
      return writeTensors(path, model, masks, form, options);
    }
    case ".json":
      if (form !== "zeroed" && form !== "compact") throw masksAlone(path);
      return writeJson(path, model, masks, form, options);
    case ".onnx":
      if (form === "masks") throw masksAlone(path);
      if (model.format === "onnx") {
        await writeOnnx(path, model.onnx, masks, form, options);
        return opaqueNotes(model.network);
      }
      return writeAsOnnx(path, model, masks, form, options);
    default:
      throw new ArgumentError(path, {
        given: extname(path) === "" ? "a name without an ending" : `the ending ${extname(path)}`,
        expected: ".safetensors, .npz, .json (TensorFlow.js) or .onnx",
      });
  }
}

/** Weights without their network: as named tensors, or with zeros in their own file. */
async function writeLoose(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: ExportForm,
  options: ExportOptions,
): Promise<readonly string[]> {
  const ending = extname(path);
  if (form === "compact") requireUnits(model.network, "form compact");
  if (options.layout === "tensorflow") requireUnits(model.network, "layout tensorflow");
  if (ending === ".safetensors" || ending === ".npz") {
    const { writeTensors } = await import("./exportTensors.ts");
    return writeTensors(path, model, masks, form, options);
  }
  if (ending === ".onnx" && form === "zeroed" && model.format === "looseOnnx") {
    const { writeLooseOnnx } = await import("./onnx/looseOnnx.ts");
    await writeLooseOnnx(path, model.loose, masks, options);
    return [];
  }
  throw new ArgumentError(path, {
    given: `${form} of weights whose network is not known`,
    expected: `named tensors (.safetensors, .npz)${model.format === "looseOnnx" ? ", or the form zeroed in .onnx" : ""}`,
  });
}

async function writeJson(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: "zeroed" | "compact",
  options: ExportOptions,
): Promise<readonly string[]> {
  if (model.format === "tfjs") {
    const { writeTfjs } = await import("./tfjs/exportTfjs.ts");
    return writeTfjs(path, model.tfjs, masks, form, options);
  }
  const { writeNetworkAsTfjs } = await import("./tfjs/networkAsTfjs.ts");
  const whole = { ...options, outputs: modelOutputs(model) };
  await writeNetworkAsTfjs(path, model.network, options.weights ?? model.weights, masks, form, whole);
  return [];
}

/** Notes on outputs that were not chosen: a rewritten file keeps all, a new file has those of the network. */
function otherOutputNotes(path: string, model: ExportableModel, form: ExportForm): readonly string[] {
  const others = otherOutputs(model);
  if (others.length === 0) return [];
  const kept = modelOutputs(model).map(({ name }) => `"${name}"`);
  const some = others.slice(0, 10).join(", ");
  const own = model.format === "onnx" ? ".onnx" : ".json";
  const isTensors = ![".onnx", ".json"].includes(extname(path));
  const isRewritten = extname(path) === own || (isTensors && model.format === "onnx");
  const isWhole = isRewritten && (form === "zeroed" || form === "original+masks");
  return [
    isWhole
      ? `The file's other outputs (${some}) are kept: weights that lead to them alone are untouched, those that they share with ${kept} are pruned.`
      : `What leads to ${kept} is written; what leads to the file's other outputs (${some}) alone is left out.`,
  ];
}

/** Opaque operations stay in a rewritten file. */
function opaqueNotes(network: Network): readonly string[] {
  const count = network.nodes.filter(({ op }) => op.kind === "opaque").length;
  if (count === 0) return [];
  return [
    `The file holds ${count === 1 ? "a part" : counted(count, "part")} taken as opaque: to read it again, pass --treat-as-opaque.`,
  ];
}

async function writeAsOnnx(
  path: string,
  model: ExportableModel,
  masks: Masks,
  form: NetworkOnnxForm,
  options: ExportOptions,
): Promise<readonly string[]> {
  const { writeNetworkAsOnnx } = await import("./onnx/networkAsOnnx.ts");
  const whole = { ...options, outputs: modelOutputs(model) };
  await writeNetworkAsOnnx(path, model.network, options.weights ?? model.weights, masks, form, whole);
  if (model.format !== "tfjs" || model.network.inputShape.length < 3) return [];
  return ["The ONNX model takes images as [n, channels, height, width], as all of ONNX does."];
}

function masksAlone(path: string): ArgumentError {
  return new ArgumentError(path, {
    given: "masks for a model file",
    expected: "a form that holds a model alone: zeroed or compact",
    remedy: "Write masks to .safetensors or .npz.",
  });
}
