/**
 * Finds the network of the zoo for a file's tensors. Tensors identify stems and heads, never strides: if several
 * variants of an architecture fit and compute different things, the caller must choose. An input does not identify it
 * either: a network may be trained on images of any size. Only large images have one variant for them.
 */
import {
  ArgumentError,
  elementCount,
  type Network,
  type Shape,
  type ZooVariant,
  zooEntries,
  zooModel,
  zooVariant,
} from "@phew/core";
import type { Tensors } from "./tensor.ts";
import { ownNames } from "./weightsFile.ts";

/** One form of an architecture at one input. */
interface Attempt {
  readonly variant: ZooVariant;
  readonly inputShape: Shape;
  /** Undefined if it cannot take the input, for the reason in `fault`. */
  readonly network?: Network;
  readonly fault?: unknown;
  /** Parameters that the file does not have, or of another shape. */
  readonly misfitCount: number;
}

/** The variant that is for images of {@link LARGE} pixels and more, whatever their exact size. */
const LARGE_VARIANT: ZooVariant = "imagenet";
const LARGE = 128;

/** Tensors fit several variants of an architecture, and none was chosen. */
export class AmbiguousVariantError extends ArgumentError {
  override readonly name = "AmbiguousVariantError";
}

export interface ZooFitOptions {
  /** Number of classes of the architecture; if absent, from the file's last layer. */
  readonly classCount?: number | undefined;
  /** Shape of one input, `[channels, height, width]` or `[features]`. */
  readonly inputShape?: Shape | undefined;
  /** Variant of the architecture, if tensors and input do not determine it. */
  readonly variant?: ZooVariant | undefined;
  /** The density whose number of weights the architecture has, with fewer units. */
  readonly narrowTo?: number | undefined;
}

/** A network and its variant; any variant if there is only one form. */
export interface ZooFit {
  readonly network: Network;
  readonly variant: ZooVariant;
  readonly notes: readonly string[];
}

/**
 * @param path of the file, for messages
 * @returns the architecture in the variant that fits; if none does, the one that fits best
 * @throws AmbiguousVariantError if several fit that compute different things; ArgumentError if the only one cannot
 *   take the input
 */
export function fittingNetwork(
  path: string,
  architecture: string,
  options: ZooFitOptions,
  tensors: Tensors,
): ZooFit {
  // an unknown name or variant ends here
  zooVariant(architecture, [], options.variant);
  const { heads, variants } = zooEntries.find(({ name }) => name === architecture)!;
  const attempt = (inputShape: Shape, variant?: ZooVariant) =>
    attempted(architecture, inputShape, variant ?? zooVariant(architecture, inputShape), options, tensors);
  const wanted = options.variant === undefined ? variants : [options.variant];
  const homes = heads
    .map(({ inputShape }) => attempt(inputShape))
    .filter(({ variant }) => variants.length === 0 || wanted.includes(variant));
  const given = options.inputShape;
  const attempts =
    given === undefined
      ? homes
      : variants.length === 0
        ? [attempt(given)]
        : wanted.map((variant) => attempt(given, variant));
  const fitting = attempts.filter(({ misfitCount }) => misfitCount === 0);
  if (fitting.length === 0 && given !== undefined) {
    const home = homes.find(({ misfitCount }) => misfitCount === 0);
    if (home !== undefined) throw otherInput(path, home, attempts, given);
  }
  // without variants only inputs differ: flattened images, or features
  const different = variants.length === 0 ? fitting.slice(0, 1) : differing(fitting);
  const [first, ...others] = different;
  const fit = ({ network, variant }: Attempt, ...notes: string[]): ZooFit => {
    return { network: network!, variant, notes: [...notes, ...leftNote(network!, tensors)] };
  };
  if (first === undefined) return fit(nearest(attempts));
  if (others.length === 0) return fit(first);
  const large = different.find(({ variant }) => variant === LARGE_VARIANT);
  if (large === undefined || given === undefined || (given[1] ?? 0) < LARGE)
    throw ambiguous(path, architecture, different, homes);
  const rest = different.filter((other) => other !== large).map(({ variant }) => variant);
  return fit(
    large,
    `The tensors fit several variants of ${architecture}, which differ in ${differences(different)}: took ${large.variant}'s for inputs of ${given.join("×")}; --variant ${rest.join(" or ")} takes another.`,
  );
}

function attempted(
  architecture: string,
  inputShape: Shape,
  variant: ZooVariant,
  options: ZooFitOptions,
  tensors: Tensors,
): Attempt {
  const build = (classCount: number | undefined) =>
    zooModel(architecture, { inputShape, variant, classCount, narrowTo: options.narrowTo });
  try {
    const initial = build(options.classCount);
    const classCount = options.classCount ?? classCountOf(initial, tensors);
    const network = classCount === undefined ? initial : build(classCount);
    const own = ownNames(network, tensors).tensors;
    const misfits = network.parameters.filter(({ name, shape }) => !fits(shape, own.get(name)?.shape));
    return { variant, inputShape, network, misfitCount: misfits.length };
  } catch (fault) {
    if (!(fault instanceof ArgumentError)) throw fault;
    return { variant, inputShape, fault, misfitCount: Number.POSITIVE_INFINITY };
  }
}

/** One of each that computes something else than those before. */
function differing(attempts: readonly Attempt[]): readonly Attempt[] {
  const seen = new Set<string>();
  return attempts.filter(({ network }) => {
    const what = JSON.stringify(
      network!.nodes.map(({ op, inputs }) => [op.kind === "input" ? op.kind : op, inputs]),
    );
    return !seen.has(what) && seen.add(what);
  });
}

/** At most so many layers are named in which variants differ. */
const MOST_NAMED = 4;

/** In what variants differ, layer by layer: `the stride of features.0.0 (cifar 1, imagenet 2)`. */
function differences(attempts: readonly Attempt[]): string {
  const strideAt = ({ network }: Attempt, name: string) => {
    const op = network!.nodes.find((node) => node.name === name)?.op;
    return op !== undefined && "stride" in op ? [...new Set(op.stride)].join("×") : undefined;
  };
  const layers = attempts[0]!.network!.nodes.flatMap(({ name }) => {
    const strides = attempts.map((attempt) => strideAt(attempt, name));
    if (new Set(strides).size < 2) return [];
    return [`${name} (${attempts.map(({ variant }, k) => `${variant} ${strides[k] ?? "none"}`).join(", ")})`];
  });
  if (layers.length === 0) return "layers without weights";
  const some = layers.slice(0, MOST_NAMED).join(", ");
  return `the stride of ${some}${layers.length > MOST_NAMED ? ", …" : ""}`;
}

/** @throws ArgumentError if no variant can take the input */
function nearest(attempts: readonly Attempt[]): Attempt {
  const best = attempts.reduce((a, b) => (b.misfitCount < a.misfitCount ? b : a));
  if (best.network === undefined) throw best.fault;
  return best;
}

/** The file's other tensors: it may be that of a deeper network. */
function leftNote(network: Network, tensors: Tensors): readonly string[] {
  const own = new Set(network.parameters.map(({ name }) => name));
  const isKnown = (name: string) => own.has(name) || /(^|[._])num_batches_tracked$|_(orig|mask)$/.test(name);
  const { tensors: named } = ownNames(network, tensors);
  // single numbers are counters
  const left = [...named].flatMap(([name, { shape }]) => (shape.length > 0 && !isKnown(name) ? [name] : []));
  if (left.length === 0) return [];
  const some = `${left.slice(0, 3).join(", ")}${left.length > 3 ? ", …" : ""}`;
  return [
    `The file holds ${left.length} tensor${left.length === 1 ? "" : "s"} that ${network.name} has not (${some}): they take no part.`,
  ];
}

function otherInput(path: string, home: Attempt, attempts: readonly Attempt[], given: Shape): ArgumentError {
  const fault = attempts.find(({ variant }) => variant === home.variant)?.fault;
  if (fault instanceof ArgumentError) return fault;
  return new ArgumentError(`${path}: input`, {
    given: given.join("×"),
    expected: `${home.inputShape.join("×")}, or another that leaves the dense layers as many features as the weights have`,
    remedy: `Give --input ${home.inputShape.join(",")}.`,
  });
}

function ambiguous(
  path: string,
  architecture: string,
  different: readonly Attempt[],
  homes: readonly Attempt[],
): AmbiguousVariantError {
  const texts = different.map(({ variant }) => {
    const home = homes.find((attempt) => attempt.variant === variant);
    return home === undefined ? variant : `${variant} (made for ${home.inputShape.join("×")})`;
  });
  return new AmbiguousVariantError(path, {
    given: `tensors that fit ${texts.length} variants of ${architecture}, ${texts.join(", ")}, which differ in ${differences(different)}`,
    expected: "the variant that they are for",
    remedy: `Give --variant ${different.map(({ variant }) => variant).join("|")}.`,
  });
}

const fits = (shape: Shape, given: Shape | undefined): boolean =>
  given !== undefined &&
  given.length === shape.length &&
  given.every((length, axis) => length === shape[axis]);

/** The number of output units of the file's last layer. */
function classCountOf(network: Network, tensors: Tensors): number | undefined {
  const last = network.prunable.at(-1)!;
  const shape = ownNames(network, tensors).tensors.get(last.name)?.shape;
  const usable = shape !== undefined && shape.length === last.shape.length && elementCount(shape) > 0;
  return usable ? shape[0] : undefined;
}
