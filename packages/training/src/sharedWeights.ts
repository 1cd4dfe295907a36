/**
 * Networks whose layers share weights, on an executor that holds weights layer by layer: it computes with a copy for
 * each layer, and takes the same step for each, by the sum of their gradients.
 */
import { ArgumentError, type Network, sharedParameters, type Untied, untied, type Weights } from "@phew/core";
import type { AbsentRequests, Executor, ExecutorFactory, ExecutorOptions } from "./executor.ts";
import { methodsOf } from "./recurrentLayers.ts";

/** Options of an executor that adds the gradients of copies. */
export interface CopyOptions extends ExecutorOptions {
  /** Name of each copy → the parameter whose copy it is; absent: there are none. */
  readonly originals?: ReadonlyMap<string, string>;
}

export function withSharedWeights(factory: (options: CopyOptions) => Promise<Executor>): ExecutorFactory {
  return async (options) => {
    const own = untied(options.network);
    if (own === undefined) return factory(options);
    const { network } = own;
    const [weights, masks] = [own.weights(options.weights), own.masks(options.masks)];
    const isTrainable = runningStatistics(options.network) === undefined;
    const inner = await factory({
      ...options,
      network,
      weights,
      masks,
      ...(isTrainable && { originals: own.originals }),
    });
    return isTrainable ? asOne(inner, own) : withoutTraining(inner, options);
  };
}

/** A parameter that layers share and that follows the data of each: one layer after the other would change it. */
function runningStatistics(network: Network): string | undefined {
  const shared = sharedParameters(network);
  return network.parameters.find(({ name, trained }) => shared.has(name) && !trained)?.name;
}

/** The executor of the copies as one of the network that shares them. */
function asOne(inner: Executor, { originals, weights, masks }: Untied): Executor {
  const ofOriginals = <T>(values: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
    new Map([...values].filter(([name]) => !originals.has(name)));
  const copiesOf = (name: string) =>
    [...originals].filter(([, original]) => original === name).map(([copy]) => copy);
  return {
    ...methodsOf(inner),
    // a unit of a shared layer is active in several places
    unitActivity: undefined,
    weights: async () => ofOriginals(await inner.weights()),
    state: async () =>
      new Map(Array.from(await inner.state(), ([buffer, values]) => [buffer, ofOriginals(values)])),
    restore: (values, state, stepCount) =>
      inner.restore(
        weights(values),
        new Map(Array.from(state, ([buffer, own]) => [buffer, withCopies(own)])),
        stepCount,
      ),
    changeMasks: (next) => inner.changeMasks(masks(next)),
    stateNorms: inner.stateNorms && ((buffer) => ofOriginals(inner.stateNorms!(buffer))),
    async absentGradients(requests, batch, take) {
      const wanted: AbsentRequests = new Map(
        [...requests].flatMap(([name, request]) =>
          [name, ...copiesOf(name)].map((each) => [each, request] as const),
        ),
      );
      const sums = new Map<string, { sum: Float64Array; left: number }>();
      return inner.absentGradients(wanted, batch, (copy, gradient) => {
        const name = originals.get(copy) ?? copy;
        const known = sums.get(name) ?? {
          sum: new Float64Array(gradient.length),
          left: 1 + copiesOf(name).length,
        };
        for (let k = 0; k < gradient.length; k++) known.sum[k]! += gradient[k]!;
        known.left--;
        sums.set(name, known);
        if (known.left === 0) take(name, Float32Array.from(known.sum));
      });
    },
  };

  function withCopies(values: Weights): Weights {
    const all = new Map(values);
    for (const [copy, name] of originals) {
      const own = values.get(name);
      if (own !== undefined) all.set(copy, own);
    }
    return all;
  }
}

function withoutTraining(inner: Executor, { network, weights }: ExecutorOptions): Executor {
  const name = runningStatistics(network)!;
  const refuse = async (): Promise<never> => {
    throw new ArgumentError(`network "${network.name}"`, {
      given: `a batch normalisation that several layers share ("${name}"), to be trained`,
      expected: "running statistics of its own for each layer, on the sparse executor",
      remedy: "Train it with --executor tensorflow.",
    });
  };
  return {
    ...methodsOf(inner),
    weights: async () => new Map([...weights].map(([own, values]) => [own, values.slice()])),
    state: async () => new Map(),
    step: refuse,
    restore: refuse,
    changeMasks: refuse,
    absentGradients: refuse,
  };
}
