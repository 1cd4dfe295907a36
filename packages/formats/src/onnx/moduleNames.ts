/**
 * Recovers module names. PyTorch's older exporter (`torch.onnx.export(…, dynamo=False)`) folds batch normalisation
 * into convolutions and transposes weights of dense layers; it names the results `onnx::Conv_75`. The node name still
 * contains the module: `/layer1/layer1.0/conv1/Conv` was the module `layer1.0.conv1`. A step that begins with the
 * whole previous step and a dot is a child of a Sequential or a ModuleList and replaces both. For a child that is
 * called without its container (of a ModuleDict, or past its parent's forward) the prefix is missing: the name is a
 * good guess.
 * The newer exporter (`dynamo=True`) keeps names, except of tensors that it reshapes, such as slopes: those are
 * `val_3`. The node's metadata contain the modules: `['', 'layer1', 'layer1.act', 'prelu']`, each with its path.
 */
import type { NodeProto } from "./schema.ts";

const INVENTED = /^onnx::[A-Za-z]\w*_\d+$/;

/** True for a name that the exporter generated. */
export function isInvented(tensor: string): boolean {
  return INVENTED.test(tensor);
}

/** True for a name that the newer exporter gives to computed tensors. */
export function isNumbered(tensor: string): boolean {
  return /^val_\d+$/.test(tensor);
}

/** @returns the path of the module of a node, or undefined if neither metadata nor its name contain it */
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
 * True if a node at `path` belongs to `module`: PyTorch's older exporter appends `_1` to the name of a module, or of
 * its parents, on a second call.
 */
export function isSameModule(path: string, module: string): boolean {
  const [steps, own] = [path.split("."), module.split(".")];
  return (
    steps.length === own.length &&
    steps.every((step, k) => step === own[k] || step.replace(/_\d+$/, "") === own[k])
  );
}

/** True if a tensor is of the module at `path`, or of a part of it: a module may read the weights of its parts itself. */
export function isOfModule(path: string, tensor: string): boolean {
  const steps = tensor.split(".").slice(0, -1);
  return isSameModule(path, steps.slice(0, path.split(".").length).join("."));
}
