/**
 * Faults of a mask: outputs that no path of kept weights reaches, layers that no path leads through, and kept weights
 * on no path. What the dense network lacks already, such as a layer that nothing reads, is not a fault. If all
 * outputs are cut off, every input gives the same output, and training stays at chance.
 */

import { ArgumentError } from "../errors.ts";
import { Masks } from "../masks/masks.ts";
import { isLoose } from "../network/looseWeights.ts";
import type { Network } from "../network/network.ts";
import { counted } from "../quantity.ts";
import { layerEffects, pathReach } from "./effective.ts";
import { keptGraph } from "./keptKernels.ts";

export interface MaskFaults {
  /** Units of the network's output that paths reach in the dense network. */
  readonly outputCount: number;
  /** Those that no path of kept weights reaches, ascending; in a classifier, classes. */
  readonly unreachedOutputs: readonly number[];
  /** True if no output is reached: no input changes any output. */
  readonly cutOff: boolean;
  /** Names of the layers that no path leads through, though one does in the dense network. */
  readonly collapsedLayers: readonly string[];
  /** Kept weights, and how many of them are on no path from input to output. */
  readonly keptCount: number;
  readonly ineffectiveCount: number;
}

/** Of weights without their network no paths are known. */
const UNKNOWN = {
  outputCount: 0,
  unreachedOutputs: [],
  cutOff: false,
  collapsedLayers: [],
  ineffectiveCount: 0,
};

/** O(kernels); twice that if the mask has a fault. */
export function maskFaults(masks: Masks): MaskFaults {
  if (isLoose(masks.network)) return { ...UNKNOWN, keptCount: masks.keptCount };
  const found = reached(masks);
  const ideal = found.outputs.includes(0) || found.layers.includes(0) ? reachedDense(masks.network) : found;
  const outputs = [...ideal.outputs.keys()].filter((unit) => ideal.outputs[unit] === 1);
  const unreachedOutputs = outputs.filter((unit) => found.outputs[unit] === 0);
  return {
    outputCount: outputs.length,
    unreachedOutputs,
    cutOff: outputs.length > 0 && unreachedOutputs.length === outputs.length,
    collapsedLayers: masks.network.prunable
      .filter((_, l) => ideal.layers[l]! > 0 && found.layers[l] === 0)
      .map(({ name }) => name),
    keptCount: masks.keptCount,
    ineffectiveCount: found.ineffectiveCount,
  };
}

/** The faults in one sentence; undefined if there are none. */
export function describeMaskFaults(faults: MaskFaults): string | undefined {
  const { unreachedOutputs, outputCount, cutOff, collapsedLayers, keptCount, ineffectiveCount } = faults;
  const layers = `${counted(collapsedLayers.length, "layer")} (${some(collapsedLayers)})`;
  const parts: string[] = [];
  if (cutOff) {
    const where = collapsedLayers.length === 0 ? "" : ` through ${layers}`;
    parts.push(
      `the output is cut off from the input: no path of kept weights leads${where || " on"}, so that every input has the same output and training ends at chance`,
    );
  } else {
    if (unreachedOutputs.length > 0) {
      parts.push(
        `no path of kept weights reaches ${counted(unreachedOutputs.length, "output")} of ${outputCount} (${some(unreachedOutputs)}), the same for every input`,
      );
    }
    if (collapsedLayers.length > 0) {
      parts.push(
        `no path of kept weights leads through ${layers}; other paths bypass ${collapsedLayers.length === 1 ? "it" : "them"}`,
      );
    }
  }
  if (parts.length === 0) return undefined;
  if (ineffectiveCount > 0 && keptCount > 0) {
    const percent = Number(((100 * ineffectiveCount) / keptCount).toPrecision(3));
    parts.push(`${percent} % of the kept weights are on no path`);
  }
  return parts.join("; ");
}

export interface SoundnessOptions {
  /** Throw an error for a fault. */
  readonly strict?: boolean | undefined;
  /** What made the mask, where that is known, with its options: remedies that it lacks or has already are not named. */
  readonly method?:
    | { readonly wholePaths: boolean; readonly options: Readonly<Record<string, unknown>> }
    | undefined;
  /** The only weights that could be kept. A greater density does not remedy a fault that they have. */
  readonly within?: Masks | undefined;
}

/**
 * The faults of a mask and their remedies, one line each; empty if there are none.
 * @param subject what the masks belong to, for the error
 * @throws ArgumentError for a fault if `strict`
 */
export function maskWarnings(masks: Masks, subject: string, options: SoundnessOptions = {}): string[] {
  const faults = maskFaults(masks);
  const fault = describeMaskFaults(faults);
  if (fault === undefined) return [];
  const { method } = options;
  const limit = options.within && maskFaults(options.within);
  const helps = isMended(faults, limit)
    ? [
        "a greater density",
        ...(method === undefined || method.options.scope === "global" ? ["scope=layer"] : []),
        ...(method?.wholePaths ? [] : ["a method that keeps whole paths, such as phew"]),
      ]
    : [];
  if (limit !== undefined && describeMaskFaults(limit) !== undefined)
    helps.push("a larger set of weights to choose from, since the allowed weights have the fault already");
  const remedy = `What helps: ${helps.join(", or ")}.`;
  if (!options.strict) return [`${fault}. ${remedy}`];
  throw new ArgumentError(subject, {
    given: `masks with a fault (${fault})`,
    expected: "paths of kept weights through every layer and to every output",
    remedy,
  });
}

/**
 * Whether a denser mask could lack at least one of the faults. @param limit faults of the mask that keeps all it may
 */
function isMended(faults: MaskFaults, limit: MaskFaults | undefined): boolean {
  if (limit === undefined) return true;
  const lost = new Set<string | number>([...limit.unreachedOutputs, ...limit.collapsedLayers]);
  return [...faults.unreachedOutputs, ...faults.collapsedLayers].some((one) => !lost.has(one));
}

interface Reached {
  /** One byte per output unit, 1 = a path reaches it. */
  readonly outputs: Uint8Array;
  /** Kept weights on a path, of each layer. */
  readonly layers: readonly number[];
  readonly ineffectiveCount: number;
}

function reached(masks: Masks): Reached {
  const graph = keptGraph(masks);
  const reach = pathReach(graph);
  const effects = layerEffects(graph, reach);
  return {
    outputs: reach.fromInput[masks.network.output]!,
    layers: effects.map(({ effectiveCount }) => effectiveCount),
    ineffectiveCount: effects.reduce((sum, effect) => sum + effect.ineffectiveCount, 0),
  };
}

const dense = new WeakMap<Network, Reached>();

function reachedDense(network: Network): Reached {
  const known = dense.get(network) ?? reached(Masks.dense(network));
  dense.set(network, known);
  return known;
}

const SHOWN = 5;

function some(items: readonly (string | number)[]): string {
  const shown = items.slice(0, SHOWN).join(", ");
  return items.length > SHOWN ? `${shown} and ${items.length - SHOWN} more` : shown;
}
