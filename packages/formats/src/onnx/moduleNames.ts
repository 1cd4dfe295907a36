/**
 * PyTorch's older exporter (`torch.onnx.export(…, dynamo=False)`) folds batch normalisation into convolutions and turns
 * weights of dense layers around; what comes out it calls `onnx::Conv_75`. The node still says where its module stood:
 * `/layer1/layer1.0/conv1/Conv` was the module `layer1.0.conv1`. A step that begins with the whole one before it and a
 * dot is a child of a Sequential or a ModuleList and stands for both. A child that is called without its container
 * (of a ModuleDict, or reached past its parent's forward) lacks what stands before it: the name is a good guess.
 *
 * The newer exporter (`dynamo=True`) keeps names, but for tensors that it brings to another shape, as slopes are: those it
 * calls `val_3`. The modules stand in the node's metadata: `['', 'layer1', 'layer1.act', 'prelu']`, each with its path.
 */
import type { NodeProto } from "./schema.ts";

const INVENTED = /^onnx::[A-Za-z]\w*_\d+$/;

/** True for a name that the exporter made up for a tensor. */
export function isInvented(tensor: string): boolean {
  return INVENTED.test(tensor);
}

/** True for a name that the newer exporter gives to what it computes. */
export function isNumbered(tensor: string): boolean {
  return /^val_\d+$/.test(tensor);
}

/** @returns the path of the module that a node stood in, or undefined where neither metadata nor its name tells */
export function modulePath({ name: nodeName = "", metadataProps = [] }: NodeProto): string | undefined {
  const scopes = metadataProps.find(({ key }) => key === "pkg.torch.onnx.name_scopes")?.value;
  if (scopes !== undefined) return [...scopes.matchAll(/'([^'\\]*)'/g)].at(-2)?.[1] || undefined;
  const steps = nodeName.split("/");
  if (steps.length < 3 || steps[0] !== "") return undefined;
  const path: string[] = [];
  for (const step of steps.slice(1, -1)) {
    if (step === "") return undefined;
    const before = path.at(-1);
    if (before !== undefined && step.startsWith(`${before}.`)) path.pop();
    path.push(step);
  }
  return path.join(".");
}

/**
 * True where a node in `path` stood in `module`: PyTorch's older exporter puts `_1` behind a name, of the module or of one
 * that it is in, where that is called once more.
 */
export function isSameModule(path: string, module: string): boolean {
  const [steps, own] = [path.split("."), module.split(".")];
  return (
    steps.length === own.length &&
    steps.every((step, k) => step === own[k] || step.replace(/_\d+$/, "") === own[k])
  );
}
