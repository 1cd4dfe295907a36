/**
 * A network without shared parameters: each further layer that has one gets a copy of its own. Backends that hold
 * parameters layer by layer compute with it; the derivative by a shared parameter is the sum over its copies, since
 *   d/dθ f(θ, …, θ) = Σ_k ∂f/∂θ_k.
 */
import { Masks } from "../masks/masks.ts";
import { definitionOf, type Operation } from "../operations/registry.ts";
import type { Weights } from "../weights/weights.ts";
import { buildNetwork, type Network, sharedParameters } from "./network.ts";
import { inputShapes } from "./unitFlow.ts";

export interface Untied {
  readonly network: Network;
  /** Name of each copy → the parameter's. */
  readonly originals: ReadonlyMap<string, string>;
  weights<T extends Weights | undefined>(given: T): T;
  masks<T extends Masks | undefined>(given: T): T;
  /** Sums over copies, float64, under the names of the given network. */
  summed(gradients: Weights): Weights;
}

/** @returns undefined where nothing is shared */
export function untied(given: Network): Untied | undefined {
  if (sharedParameters(given).size === 0) return undefined;
  const originals = new Map<string, string>();
  const used = new Set<string>();
  const taken = new Set(given.parameters.map(({ name }) => name));
  const nameFor = (name: string): string => {
    if (!used.has(name)) {
      used.add(name);
      return name;
    }
    let k = 1;
    while (taken.has(`${name}#${k}`)) k++;
    const copy = `${name}#${k}`;
    taken.add(copy);
    originals.set(copy, name);
    return copy;
  };
  const specs = given.nodes.map((node) => {
    const names = new Map(
      definitionOf(node.op)
        .parameters(node.op, inputShapes(given, node), node.name)
        .map(({ name }) => [name, nameFor(name)]),
    );
    return {
      name: node.name,
      op: renamed(node.op, names),
      inputs: node.inputs.map((k) => given.nodes[k]!.name),
    };
  });
  const inputs = given.inputs.map((input) => specs[input]!);
  const ordered = [...inputs, ...specs.filter((spec) => !inputs.includes(spec))];
  const built = buildNetwork(given.name, ordered, given.nodes[given.output]!.name);
  const network: Network = { ...built, copies: originals };
  return { network, originals, ...carriers(network, originals) };
}

/** Fields of operations that name parameters hold their names. */
function renamed(op: Operation, names: ReadonlyMap<string, string>): Operation {
  const entries = Object.entries(op).map(([field, value]) => [
    field,
    (typeof value === "string" && field !== "kind" && names.get(value)) || value,
  ]);
  return Object.fromEntries(entries) as Operation;
}

function carriers(
  network: Network,
  originals: ReadonlyMap<string, string>,
): Pick<Untied, "weights" | "masks" | "summed"> {
  return {
    weights(given) {
      if (given === undefined) return given;
      const all = new Map(given);
      for (const [copy, name] of originals) {
        const values = given.get(name);
        if (values !== undefined) all.set(copy, values);
      }
      return all as unknown as typeof given;
    },
    masks(given) {
      if (given === undefined) return given;
      const all = new Masks(network);
      for (const { name } of network.prunable) all.get(name)!.set(given.get(originals.get(name) ?? name)!);
      return all as typeof given;
    },
    summed(gradients) {
      const sums = new Map<string, Float32Array>();
      for (const [name, values] of gradients) if (!originals.has(name)) sums.set(name, values);
      for (const name of new Set(originals.values())) {
        const parts = [...originals].filter(([, own]) => own === name).map(([copy]) => gradients.get(copy));
        const all = [gradients.get(name), ...parts].filter((part) => part !== undefined);
        if (all.length === 0) continue;
        const sum = (k: number) => all.reduce((total, part) => total + part[k]!, 0);
        sums.set(
          name,
          Float32Array.from(all[0]!, (_, k) => sum(k)),
        );
      }
      return sums;
    },
  };
}
