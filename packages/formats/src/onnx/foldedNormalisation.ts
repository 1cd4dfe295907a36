/**
 * Detects batch normalisation that an exporter folded into the weights before it. Only names in the file show it:
 * - PyTorch's older exporter names a folded convolution's tensors `onnx::Conv_75`, before 1.9 `545`; so does
 * onnx-simplifier;
 * - its newer one (onnxscript) records the folding rule in the node's metadata; if that is stripped, there remain the
 *   normalisation's output name `getitem_3` and a bias `<weight>_bias`;
 * - onnxruntime and tf2onnx put it in the tensors' names: `ConvBnFusion_W_…`, `…_weights_fused_bn`;
 * - a bias of another module than the weight's is that of the normalisation, unless that module is a layer: weights
 * and
 *   biases that layers share have the name of one of them.
 */

import type { Network } from "@phew/core";
import { counted } from "@phew/core";
import type { TensorUse } from "./importer.ts";
import { modulePath } from "./moduleNames.ts";
import type { NodePart } from "./parts.ts";

const LAYERS = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul", "FusedConv"]);
const FUSED_NAME = /ConvBnFusion|fused_bn|bn_fused|FuseBatchNorm|BatchNormFusion/i;
/** Tensor names that are numbers: the original names are lost. */
const NUMBERED = /^(onnx::Conv_\d+|\d+)$/;
/** PyTorch's newer exporter's name for the first of several outputs; a convolution has only one. */
const FIRST_OF_SEVERAL = /^getitem(_\d+)?$/;
/** Names listed in a note. */
const MOST_NAMES = 5;

/** One sentence for the user. @param folded names of the weights, at least one */
export function foldedNote(network: Network, folded: readonly string[]): string {
  return (
    `batch normalisation was folded into ${folded.length} of ${counted(network.prunable.length, "layer")} on export (${some(folded)}): these are ` +
    "not the weights that are trained, masks of the network with it kept are others, and there are no batch statistics. " +
    "To keep it, model.eval() and torch.onnx.export(…, dynamo=False, training=TrainingMode.PRESERVE, " +
    "do_constant_folding=False) or torch.onnx.export(…, dynamo=True, optimize=False): docs/pytorch.md"
  );
}

/**
 * One sentence for users who write tensors for a module, which has the normalisation.
 * @param folded names of the weights, at least one
 */
export function missingNormalisationNote({ nodes }: Network, folded: readonly string[]): string {
  const isFolded = new Set(folded);
  const layers = nodes.flatMap(({ op }) =>
    "weight" in op && isFolded.has(op.weight) && op.bias !== undefined ? [{ ...op, bias: op.bias }] : [],
  );
  const biases = layers.map(({ bias }) => bias);
  const more = biases.length === 0 ? "" : `, and holds biases that its layers may lack (${some(biases)})`;
  // some exporters name the bias after the weight or the normalisation
  const isFused = layers.every(({ weight, bias }) => bias === weight.replace(/weight$/, "bias"));
  const fused = isFused ? ", or load the file into the module fused by torch.nn.utils.fuse_conv_bn_eval" : "";
  return (
    `The file lacks the batch normalisation behind ${some(folded)}: its weight, bias, running_mean and running_var, which the ` +
    `ONNX file has only folded into these weights${more}. load_state_dict(strict=True) of a module with it fails; ` +
    `without strict it would normalise twice. Export the module to ONNX with it kept (docs/pytorch.md), or take --form masks${fused}.`
  );
}

const some = (names: readonly string[]): string =>
  names.slice(0, MOST_NAMES).join(", ") + (names.length > MOST_NAMES ? ", …" : "");

/** Names of the weights with a folded normalisation, in the network's order; empty if nothing shows any. */
export function foldedWeights(network: Network, uses: readonly TensorUse[]): readonly string[] {
  const weightOf = new Map<NodePart, TensorUse>();
  const biasOf = new Map<NodePart, TensorUse>();
  const prunable = new Set(network.prunable.map(({ name }) => name));
  for (const use of uses) {
    if (!LAYERS.has(use.node.opType ?? "") || use.parameter === undefined) continue;
    (prunable.has(use.parameter) ? weightOf : biasOf).set(use.node, use);
  }
  const layers = layerModules(weightOf, biasOf);
  const folded = new Set<string>();
  for (const [node, weight] of weightOf) {
    if (isFolded(node, weight, biasOf.get(node), layers)) folded.add(weight.parameter!);
  }
  return network.prunable.map(({ name }) => name).filter((name) => folded.has(name));
}

/**
 * Module paths of layers: from the names of their weights, from the places of their nodes, and from the biases beside
 * a weight that several layers read (folding would have made several weights).
 */
function layerModules(
  weightOf: ReadonlyMap<NodePart, TensorUse>,
  biasOf: ReadonlyMap<NodePart, TensorUse>,
): ReadonlySet<string> {
  const readers = new Map<string, number>();
  for (const { constant } of weightOf.values())
    readers.set(constant.origin, (readers.get(constant.origin) ?? 0) + 1);
  const modules = new Set<string>();
  for (const [node, { constant }] of weightOf) {
    const bias = readers.get(constant.origin) === 1 ? undefined : biasOf.get(node);
    const paths = [
      moduleOf(constant.name, "weight"),
      moduleOf(constant.origin, "weight"),
      bias && moduleOf(bias.constant.name, "bias"),
      modulePath(node),
    ];
    for (const path of paths) if (path !== undefined) modules.add(path);
  }
  return modules;
}

function isFolded(
  node: NodePart,
  weight: TensorUse,
  bias: TensorUse | undefined,
  layers: ReadonlySet<string>,
): boolean {
  const names = [weight, bias].flatMap((use) =>
    use === undefined ? [] : [use.constant.origin, use.constant.name],
  );
  if (names.some((name) => FUSED_NAME.test(name))) return true;
  if (node.metadataProps?.some(({ value }) => FUSED_NAME.test(value ?? ""))) return true;
  if (FIRST_OF_SEVERAL.test(node.output?.[0] ?? "")) return true;
  if (bias === undefined) return false;
  // only the weight: it was computed on export, from a mask, from a norm and a direction, …
  if (NUMBERED.test(weight.constant.origin) && NUMBERED.test(bias.constant.origin)) return true;
  // onnxscript's name for a bias of a module without bias
  if (bias.constant.name === `${weight.constant.name}_bias`) return true;
  const other = moduleOf(bias.constant.name, "bias");
  return moduleOf(weight.constant.name, "weight") !== undefined && other !== undefined && !layers.has(other);
}

/** `conv1` of `conv1.weight`; undefined for other names. */
const moduleOf = (tensor: string, parameter: "weight" | "bias"): string | undefined =>
  tensor.endsWith(`.${parameter}`) ? tensor.slice(0, -parameter.length - 1) : undefined;
