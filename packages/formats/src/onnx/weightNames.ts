/**
 * What the state dict calls a weight that PyTorch's exporters turned or computed, and named anew. In order of certainty:
 * - The newer exporter writes the call that a node came from, with the parameter as `%p_layer1_0_qkv_weight`: its name, but
 *   for the dots. A bias beside it or the module's path says where these stand.
 * - A bias of the layer that kept its name tells the weight's: `in_proj_weight` beside `in_proj_bias`.
 * - The module's path. A module that is called past its parent's `forward` lacks a step there (`model.decoder.fc` for
 *   `model.model.decoder.fc`), which tensors that kept their names tell.
 */
import { isInvented, modulePath } from "./moduleNames.ts";
import type { NodePart, TensorPart } from "./parts.ts";

/** The name of a weight, and why it may not be the state dict's. */
export interface WeightName {
  readonly name: string;
  readonly doubt?: string | undefined;
}

const MADE_BY_MODULE = /^torch\.nn\.modules\.(linear\.Linear|conv\.\w+|rnn\.\w+)$/;
/** Masks fit a module that has the result as its parameter. */
export const COMPUTED = "computed by its module from other parameters: weight normalisation, standardisation";
const UNTOLD = "the file does not tell the parameter of its module";

/** Modules lie in no more modules; a damaged file may say so. */
const MOST_STEPS = 64;

/** The steps of a path; none of one that no module has. */
function stepsOf(path: string): string[] {
  const steps = path.split(".", MOST_STEPS + 1);
  return path === "" || steps.length > MOST_STEPS ? [] : steps;
}

/** The parameter that a node reads as weight, with `_` for each dot; undefined where the file does not say. */
export function calledWeight({ metadataProps = [] }: NodePart): string | undefined {
  const call = metadataProps.find(({ key }) => key === "pkg.torch.onnx.fx_node")?.value ?? "";
  const found = new Set(Array.from(call.matchAll(/%p_(\w*weight\w*)/g), ([, name]) => name!));
  return found.size === 1 ? [...found][0] : undefined;
}

export const undotted = (name: string): string => name.replaceAll(".", "_");

export class WeightNames {
  /** Path of a module by its nodes → its path in the names of tensors; undefined where these disagree. */
  readonly #places = new Map<string, string | undefined>();
  /** Whether a tensor's name has a step that the path of its node lacks. */
  #skipsModules = false;
  /** Paths of modules that have a part with parameters. */
  readonly #parents = new Set<string>();
  readonly #byUndotted = new Map<string, string>();

  constructor(nodes: readonly NodePart[], initializers: ReadonlyMap<string, TensorPart>) {
    for (const name of initializers.keys()) {
      this.#byUndotted.set(undotted(name), name);
      const steps = stepsOf(name);
      for (let k = 1; k < steps.length - 1; k++) this.#parents.add(steps.slice(0, k).join("."));
    }
    for (const node of nodes) {
      const path = stepsOf(modulePath(node) ?? "");
      for (const name of node.input ?? []) {
        const isNamed = initializers.has(name) && !isInvented(name);
        const steps = isNamed ? stepsOf(name).slice(0, -1) : [];
        const places = throughSteps(path, steps);
        if (places !== undefined && places.length < steps.length) this.#skipsModules = true;
        places?.forEach((end, k) => {
          this.#addPlace(path.slice(0, k + 1).join("."), steps.slice(0, end + 1).join("."));
        });
      }
    }
  }

  #addPlace(path: string, place: string): void {
    if (!this.#places.has(path)) this.#places.set(path, place);
    else if (this.#places.get(path) !== place) this.#places.set(path, undefined);
  }

  /** @param bias of the layer, under a name of the state dict; undefined where it has none, or one that was made too */
  of(node: NodePart, bias: string | undefined): WeightName | undefined {
    const module = modulePath(node);
    const called = calledWeight(node);
    if (called !== undefined) {
      const told = this.#told(called, module);
      if (told !== undefined) return { name: told };
    }
    const besideBias = bias?.replace(/bias$/, "weight");
    if (module === undefined) return besideBias === undefined ? undefined : { name: besideBias };
    const isComputed = isComputedWeight(node, bias);
    const doubt = isComputed ? { doubt: COMPUTED } : {};
    if (besideBias !== undefined) return { name: placedLike(module, besideBias), ...doubt };
    const place = this.#placeOf(module);
    const isSure = isComputed || this.#isOwn(node, module, place);
    return { name: `${place}.weight`, ...doubt, ...(!isSure && { doubt: UNTOLD }) };
  }

  /** The dots of a name without them. */
  #told(called: string, module: string | undefined): string | undefined {
    const stored = this.#byUndotted.get(called);
    if (stored !== undefined) return stored;
    const bias = this.#byUndotted.get(called.replace(/weight$/, "bias"));
    if (bias?.endsWith("bias")) return bias.replace(/bias$/, "weight");
    const start = module === undefined ? undefined : `${undotted(module)}_`;
    if (start === undefined || !called.startsWith(start) || !called.endsWith("weight")) return undefined;
    const own = called.slice(start.length);
    return `${module}.${own === "in_proj_weight" ? own : own.replace(/_weight$/, ".weight")}`;
  }

  #placeOf(module: string): string {
    const steps = stepsOf(module);
    for (let k = steps.length; k > 0; k--) {
      const place = this.#places.get(steps.slice(0, k).join("."));
      if (place !== undefined) return [place, ...steps.slice(k)].join(".");
    }
    return module;
  }

  /** Whether a layer is a module of its own at its path, rather than a call within another module. */
  #isOwn({ metadataProps = [] }: NodePart, module: string, place: string): boolean {
    const classes = metadataProps.find(({ key }) => key === "pkg.torch.onnx.class_hierarchy")?.value;
    if (classes !== undefined) {
      const kind = [...classes.matchAll(/'([^'\\]*)'/g)].at(-2)?.[1];
      return kind !== undefined && MADE_BY_MODULE.test(kind);
    }
    const steps = stepsOf(module);
    // where the file shows that modules were called past others; a first step alone may be that of a model around another
    const isPlaced = steps.some(
      (_, k) => k > 1 && this.#places.get(steps.slice(0, k).join(".")) !== undefined,
    );
    return !this.#parents.has(place) && (isPlaced || !this.#skipsModules);
  }
}

/**
 * The older exporter names weights anew that it turned, folded a normalisation into (which makes a bias too) or computed. It
 * turns none of a convolution.
 */
function isComputedWeight({ opType, input = [] }: NodePart, bias: string | undefined): boolean {
  const isMade = isInvented(input[1] ?? "");
  return isMade && (opType === "Conv" || opType === "ConvTranspose") && (bias !== undefined || !input[2]);
}

/** Index of each of `own` among `steps`, in order and ending with the last; undefined where they are not there. */
function throughSteps(own: readonly string[], steps: readonly string[]): number[] | undefined {
  const places: number[] = [];
  let k = 0;
  for (const step of own) {
    while (k < steps.length && steps[k] !== step) k++;
    if (k === steps.length) return undefined;
    places.push(k++);
  }
  return k === steps.length ? places : undefined;
}

/**
 * `layers.1.out_proj.weight` for the module `layers.1` and the model `layers.0.out_proj.weight`, and
 * `model.layers.1.fc.weight` for `layers.1.fc` and `model.layers.0.fc.weight`; else `<module>.weight`.
 */
export function placedLike(module: string, model: string): string {
  const [own, other] = [module.split("."), model.split(".")];
  const isLike = (step: string | undefined, as: string | undefined) =>
    step === as || (/^\d+$/.test(step ?? "") && /^\d+$/.test(as ?? ""));
  if (own.every((step, k) => isLike(step, other[k]))) return [...own, ...other.slice(own.length)].join(".");
  const place = other.slice(0, -1);
  let left = own.length - 1;
  for (let k = place.length - 1; k >= 0; k--)
    if (left >= 0 && isLike(own[left], place[k])) place[k] = own[left--]!;
  const isThrough = left < 0 && own.at(-1) === place.at(-1);
  return isThrough ? [...place, other.at(-1)].join(".") : [...own, "weight"].join(".");
}

/** A warning of masks that may not be named as the state dict names their weights; undefined if there is none. */
export function doubtNote(names: readonly WeightName[]): string | undefined {
  const doubts = new Set(names.flatMap(({ doubt }) => doubt ?? []));
  if (doubts.size === 0) return undefined;
  const lists = Array.from(doubts, (reason) => {
    const own = names.filter(({ doubt }) => doubt === reason);
    return `${own.map(({ name }) => name).join(", ")} (${reason})`;
  });
  return `the state dict may have other names for these weights, and then load_masks refuses their masks: ${lists.join("; ")}`;
}
