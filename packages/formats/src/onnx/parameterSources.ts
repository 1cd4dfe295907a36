/**
 * Parameters of the network that is read: which tensor of the file each is, what it is called, and which layers share
 * it.
 */
import { ArgumentError, counted, PARAMETER_ROLES, type ParameterRole } from "@phew/core";
import { turnedDims } from "../turnedWeight.ts";
import { type GraphWeights, graphWeights } from "./graphWeights.ts";
import { isInvented, isNumbered, isOfModule, isSameModule, modulePath } from "./moduleNames.ts";
import type { ModelParts, NodePart } from "./parts.ts";
import { prunedProducts } from "./prunedProducts.ts";
import { isFloat } from "./tensors.ts";
import { Unsupported } from "./unsupported.ts";
import { type Constant, product, sameDims } from "./values.ts";
import { COMPUTED, calledWeight, doubtNote, undotted, type WeightName } from "./weightNames.ts";

/** A parameter of the network and its source in the file: value · scale + offset, per output unit. */
export interface ParameterSource {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  readonly constant: Constant;
  /** True if the file has inputs first: see turnedWeight.ts. */
  readonly transposed: boolean;
  /** Set if `constant` has the axes of what the file has in another order: axis k is the file's axis `permutation[k]`. */
  readonly permutation?: readonly number[] | undefined;
  /** Of a weight with inputs first; else 1. */
  readonly groups: number;
  /** Set if it is a part of the constant: index there of element k. */
  readonly placeOf?: ((k: number) => number) | undefined;
  /** One factor for all, or one per unit; folded from Gemm's alpha and beta and from multiplications. */
  scale: number | Float64Array;
  offset: number | Float64Array;
  /**
   * Name of the parameter with the same tensor, if the module has no other name for this one: its part is called
   * twice.
   */
  readonly copyOf: string | undefined;
  /** Why the state dict may have another name for it. */
  readonly doubt?: string | undefined;
  /** True if several layers have it, so that nothing may be merged into it. */
  isShared: boolean;
}

/** Of a parameter that is a constant of the file, unchanged and without other readers. */
export const AS_STORED = {
  ...{ transposed: false, groups: 1, scale: 1, offset: 0 },
  ...{ copyOf: undefined, isShared: false },
} as const;

/** A parameter that is a part of a constant. */
export interface ParameterPart {
  readonly name: string;
  readonly role: ParameterRole;
  readonly shape: readonly number[];
  /** Index in the constant of element k. */
  readonly placeOf: (k: number) => number;
}

/** Readers of each value, counted over the nodes before the output. */
export interface Reading {
  /** Value → number of inputs that read it. */
  readonly readers: ReadonlyMap<string, number>;
  /** Stored tensor → number of inputs that read it, also through Identity nodes. */
  readonly tensorReaders: ReadonlyMap<string, number>;
  /** Output → the values that only reshapes separate from it. */
  readonly tails: ReadonlyMap<string, ReadonlySet<string>>;
  /** Values that a window slides over, directly or after elementwise operations. */
  readonly readAsImage: ReadonlySet<string>;
}

/** How a parameter is read where that is not as it stands in the file. */
interface ReadOptions {
  /** True if the file has inputs first, in so many groups. */
  readonly transposed?: boolean;
  readonly permutation?: readonly number[] | undefined;
  readonly groups?: number;
  readonly scale?: number;
}

/** Names, with numbers behind those that are taken. */
export class NumberedNames {
  /** Name → the last number appended to it. */
  readonly #numbered = new Map<string, number>();

  unused(wanted: string, taken: (candidate: string) => boolean): string {
    if (!taken(wanted)) return wanted;
    for (let k = (this.#numbered.get(wanted) ?? 0) + 1; ; k++) {
      if (taken(`${wanted}#${k}`)) continue;
      this.#numbered.set(wanted, k);
      return `${wanted}#${k}`;
    }
  }
}

export class ParameterSources {
  readonly all = new Map<string, ParameterSource>();
  readonly #parts: ModelParts;
  readonly #note: (text: string) => void;
  readonly #names: NumberedNames;
  readonly #readers: ReadonlyMap<string, number>;
  readonly #tensorReaders: ReadonlyMap<string, number>;
  /** Products of an original and its mask → the parameter's name. */
  readonly #products: ReadonlyMap<string, string>;
  /** Weights that are named after the place of their node. */
  readonly #renamed: string[] = [];
  /** Parameters that share another's tensor and have no name of their own in the module. */
  readonly #copies: ParameterSource[] = [];
  /** What the file says of the calls that read weights → the weight. */
  readonly #called = new Map<string, ParameterSource>();
  /** Worked out where the first name is looked for. */
  #graphWeights: GraphWeights | undefined;

  constructor(
    { parts, note }: { readonly parts: ModelParts; readonly note: (text: string) => void },
    reading: Reading,
    names: NumberedNames,
  ) {
    this.#parts = parts;
    this.#note = note;
    this.#names = names;
    this.#readers = reading.readers;
    this.#tensorReaders = reading.tensorReaders;
    this.#products = prunedProducts(parts.nodes);
  }

  /** Adds the notes on weights that are named after the place of their node, once. */
  noteRenamed(): void {
    const doubts = doubtNote([...this.all.values()]);
    if (doubts !== undefined) this.#note(doubts);
    const [first] = this.#renamed;
    if (first === undefined) return;
    const count = this.#renamed.length;
    this.#note(
      `PyTorch's exporter made up the names of ${counted(count, "weight")}, as it does where it folds or transposes ` +
        `them; here they bear their modules' names (${first})`,
    );
  }

  /**
   * Registers a constant as a parameter of the next core node.
   * @param shape in the network's layout; @param transposed the file has inputs first, in so many groups
   * @returns its name in the network
   */
  add(
    node: NodePart,
    constant: Constant,
    role: ParameterRole,
    shape: readonly number[],
    options: ReadOptions = {},
  ): string {
    const what = `${node.title}: ${role} "${constant.name}"`;
    if (!isFloat(constant.dtype))
      throw new Unsupported(`its ${role} "${constant.name}" is ${constant.dtype}, not float`);
    const groups = options.groups ?? 1;
    const given = options.transposed ? turnedDims(constant.dims, groups) : constant.dims;
    const fits = role === "weight" ? sameDims(given, shape) : product(given) === product(shape);
    if (!fits) {
      throw new ArgumentError(`${this.#parts.source.name}: ${what}`, {
        given: `shape [${given.join(", ")}]`,
        expected: `[${shape.join(", ")}]`,
        remedy: "The file is damaged or was put together wrongly: export it again.",
      });
    }
    const { name, copyOf, doubt } = this.#parameterName(constant, node, role, options);
    const known = this.all.get(name);
    if (known !== undefined) {
      known.isShared = true;
      return name;
    }
    const source: ParameterSource = {
      name,
      role,
      shape,
      constant,
      transposed: options.transposed ?? false,
      permutation: options.permutation,
      groups,
      scale: options.scale ?? 1,
      offset: 0,
      copyOf,
      doubt,
      isShared: false,
    };
    this.all.set(name, source);
    const called = role === "weight" ? calledWeight(node) : undefined;
    if (called === undotted(name)) this.#called.set(called, source);
    if (copyOf !== undefined) this.#copies.push(source);
    return name;
  }

  /** Registers a part of a constant as a parameter. @returns the part, under its name in the network */
  addPart(constant: Constant, wanted: ParameterPart): ParameterPart {
    const what = `its ${wanted.role} "${constant.name}"`;
    if (!isFloat(constant.dtype)) throw new Unsupported(`${what} is ${constant.dtype}, not float`);
    const known = this.all.get(wanted.name);
    const isSame =
      known?.placeOf !== undefined &&
      constant.stored !== undefined &&
      known.constant.stored?.part === constant.stored.part;
    if (isSame) {
      known.isShared = true;
      return wanted;
    }
    const name = this.#names.unused(wanted.name, (candidate) => this.all.has(candidate));
    this.all.set(name, {
      ...wanted,
      name,
      constant,
      ...AS_STORED,
    });
    return { ...wanted, name };
  }

  /** The state dict's name for the weight of a direction of a recurrent layer, if the file tells it. */
  partName(node: NodePart, input: number, direction: number, constant: Constant): string | undefined {
    // written with its masks beside it
    const pruned = this.#products.get(node.input?.[input] ?? "");
    if (pruned !== undefined) return direction === 0 ? pruned : `${pruned}_reverse`;
    this.#graphWeights ??= graphWeights(this.#parts);
    const own = this.#graphWeights.readBy.get(node)?.get(input) ?? [];
    const suffix = direction === 0 ? "" : "_reverse";
    const module = modulePath(node);
    // a module that began with the values of another has its tensor in the file
    const isOther = own.length === 0 || own.some(({ reader }) => reader !== undefined);
    if (isOther && module !== undefined && this.#parts.producer === "pytorch") {
      const layer = this.#graphWeights.layers.get(node) ?? 0;
      return `${module}.weight_${input === 1 ? "ih" : "hh"}_l${layer}${suffix}`;
    }
    if (own.length === constant.dims[0]!) return own[direction]!.name;
    return own.length === 1 ? `${own[0]!.name}${suffix}` : undefined;
  }

  #parameterName(
    constant: Constant,
    node: NodePart,
    role: ParameterRole,
    options: ReadOptions,
  ): { name: string; copyOf?: string; doubt?: string | undefined } {
    const again = this.#calledAgain(node, constant, role, options);
    if (again !== undefined) return { name: again };
    // a tensor that only one parameter reads has its own name, an alias of a shared one the name of the alias
    const { origin } = constant;
    const readerCount = this.#tensorReaders.get(origin) ?? this.#readers.get(origin);
    const read = readerCount === 1 ? origin : constant.name;
    let name = this.#products.get(read) ?? read;
    // a weight that the module computes from others still has its name there
    const isComputed =
      role === "weight" &&
      name === read &&
      constant.stored === undefined &&
      !this.#parts.initializers.has(origin) &&
      this.#parts.producer === "pytorch";
    // exporters reshape a slope for broadcasting, under a new name
    const isGenerated = isInvented(name) || isComputed || (role !== "bias" && isNumbered(name));
    const own = isGenerated || readerCount !== 1 ? this.#graphName(node, role, constant) : undefined;
    if (own !== undefined) {
      if (isGenerated) this.#renamed.push(own.name);
      name = own.name;
    } else if (isGenerated) name = this.#placedName(node, role) ?? name;
    else if (readerCount !== 1 && calledWeight(node) !== undotted(name))
      name = this.#tiedName(node, role, constant) ?? name;
    if (!this.all.has(name) || this.#isShared(name, constant, node, role, options))
      return { name, doubt: isComputed ? COMPUTED : isGenerated ? own?.doubt : undefined };
    const copyOf = name;
    name = this.#names.unused(`${node.title}.${role}`, (candidate) => this.all.has(candidate));
    this.#note(`the tensor "${copyOf}" is read by several layers; here each has its own copy (${name})`);
    return { name, copyOf };
  }

  /** The name of a weight beside the biases and modules of the whole graph; undefined if it is another's. */
  #graphName(node: NodePart, role: ParameterRole, { stored }: Constant): WeightName | undefined {
    if (role !== "weight" || stored === undefined || this.#parts.producer !== "pytorch") return undefined;
    this.#graphWeights ??= graphWeights(this.#parts);
    const known = this.#graphWeights.weights.filter(({ part }) => part === stored.part);
    const own = known.find(({ reader }) => reader?.node === node) ?? known.find(({ reader }) => !reader);
    if (own === undefined || this.all.has(own.name)) return undefined;
    // a module that has another's tensor has a name of its own for it, and may have a mask of its own
    const path = modulePath(node);
    if (own.name === stored.part.name && path !== undefined && !isOfModule(path, own.name)) return undefined;
    if (own.name === stored.part.name || !this.#parts.initializers.has(own.name)) return own;
    const tied = this.#tiedTable(own.name);
    return tied === undefined ? undefined : { name: tied };
  }

  /**
   * The weight of an earlier call of the same module, where the file says that a node reads it: of the same tensor, or of
   * another with the same elements, since exporters turn a weight anew for each call.
   */
  #calledAgain(
    node: NodePart,
    constant: Constant,
    role: ParameterRole,
    { transposed = false, groups = 1, scale = 1 }: ReadOptions,
  ): string | undefined {
    const called = role === "weight" ? calledWeight(node) : undefined;
    if (called === undefined) return undefined;
    const known = this.#called.get(called);
    const isSame =
      known !== undefined &&
      known.transposed === transposed &&
      known.groups === groups &&
      known.scale === scale &&
      known.offset === 0 &&
      sameDims(known.constant.dims, constant.dims) &&
      (known.constant.origin === constant.origin || sameElements(known.constant, constant));
    return isSame ? known.name : undefined;
  }

  /**
   * True if a layer has the parameter of an earlier one: the same weight read in the same way, or another tensor of the
   * same module. Other tensors, such as biases of zeros, exporters store once though they are several.
   */
  #isShared(
    name: string,
    constant: Constant,
    node: NodePart,
    role: ParameterRole,
    { transposed = false, groups = 1, scale = 1 }: ReadOptions,
  ): boolean {
    const known = this.all.get(name)!;
    const isSame =
      known.role === role &&
      known.constant.stored !== undefined &&
      known.constant.stored.part === constant.stored?.part &&
      known.transposed === transposed &&
      known.groups === groups &&
      known.scale === scale &&
      known.offset === 0;
    if (!isSame || role === "weight") return isSame;
    const path = modulePath(node);
    const suffix = `.${PARAMETER_ROLES[role].torchName}`;
    return path !== undefined && name.endsWith(suffix) && isSameModule(path, name.slice(0, -suffix.length));
  }

  /** A head's weight that is an embedding's table too: PyTorch lists the tensor once, under the embedding's name. */
  #tiedTable(table: string): string | undefined {
    const reader = this.#parts.nodes.find(({ opType, input }) => opType === "Gather" && input?.[0] === table);
    const module = reader && modulePath(reader);
    if (module === undefined || this.all.has(`${module}.weight`)) return undefined;
    this.#note(
      `"${table}" is the table of the embedding "${module}" too; here the layer's own copy of it is pruned, and the table stays whole`,
    );
    return `${module}.weight`;
  }

  /**
   * Modules that share a tensor have their own name for it; the file has that of one of them, or one for each by
   * Identity nodes.
   * @returns the name in the module of the node; undefined if it is unknown, or another's
   */
  #tiedName(node: NodePart, role: ParameterRole, { name: read, origin }: Constant): string | undefined {
    const path = modulePath(node);
    const suffix = `.${PARAMETER_ROLES[role].torchName}`;
    if (path === undefined || !origin.endsWith(suffix) || (read !== origin && read.endsWith(suffix)))
      return undefined;
    if (isSameModule(path, origin.slice(0, -suffix.length))) return origin;
    const name = path + suffix;
    return this.all.has(name) || this.#parts.initializers.has(name) ? undefined : name;
  }

  /** Adds a note on parameters that are one in the module and several, with masks of their own, here. */
  noteCopies(): void {
    const [first] = this.#copies.filter(({ role }) => role === "weight" || role === "scale");
    if (first === undefined || this.#parts.producer !== "pytorch") return;
    this.#note(
      `"${first.copyOf}" belongs to a module that is called more than once; each call is pruned by itself, and no module ` +
        "can take masks that differ from call to call: to train with them in PyTorch, first give each call a module of " +
        "its own (copy.deepcopy), export that, and prune it",
    );
  }

  /** A name from the module of the node; undefined if that is unknown, or if the name is another's. */
  #placedName(node: NodePart, role: ParameterRole): string | undefined {
    const path = modulePath(node);
    if (path === undefined) return undefined;
    const name = `${path}.${PARAMETER_ROLES[role].torchName}`;
    if (this.all.has(name) || this.#parts.initializers.has(name)) return undefined;
    if (role === "weight") this.#renamed.push(name);
    return name;
  }
}

function sameElements(a: Constant, b: Constant): boolean {
  const [own, other] = [a.read(), b.read()];
  return own.dtype === other.dtype && Buffer.compare(own.data, other.data) === 0;
}

/** Merges scale · y + offset into the last factor and shift of the layer of y. */
export function merge(
  { factor, shift }: { readonly factor: ParameterSource; readonly shift?: ParameterSource | undefined },
  scale: number | Float64Array,
  offset: number | Float64Array,
): void {
  factor.scale = combine(factor.scale, scale, (a, b) => a * b);
  factor.offset = combine(factor.offset, scale, (a, b) => a * b);
  if (shift === undefined) return;
  shift.scale = combine(shift.scale, scale, (a, b) => a * b);
  shift.offset = combine(
    combine(shift.offset, scale, (a, b) => a * b),
    offset,
    (a, b) => a + b,
  );
}

/** An operation on two numbers, or on one number per unit. */
function combine(
  a: number | Float64Array,
  b: number | Float64Array,
  compute: (a: number, b: number) => number,
): number | Float64Array {
  if (typeof a === "number") return typeof b === "number" ? compute(a, b) : b.map((x) => compute(a, x));
  return a.map((x, unit) => compute(x, typeof b === "number" ? b : b[unit]!));
}
