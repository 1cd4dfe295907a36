/** Networks whose layers share weights, on an executor that holds weights layer by layer. */
import { ArgumentError, untied } from "@phew/core";
import type { Executor, ExecutorFactory, ExecutorOptions } from "./executor.ts";

/** Computes them with a copy for each layer; training them is left to executors that add gradients by name. */
export function withSharedWeights(factory: ExecutorFactory): ExecutorFactory {
  return async (options) => {
    const own = untied(options.network);
    if (own === undefined) return factory(options);
    const { network } = own;
    const [weights, masks] = [own.weights(options.weights), own.masks(options.masks)];
    const inner = await factory({ ...options, network, weights, masks });
    return withoutTraining(inner, options);
  };
}

function withoutTraining(inner: Executor, { network, weights }: ExecutorOptions): Executor {
  const refuse = async (): Promise<never> => {
    throw new ArgumentError(`network "${network.name}"`, {
      given: "weights that several layers share, to be trained",
      expected: "weights of its own for each layer, on the sparse executor",
      remedy: "Train it with --executor tensorflow.",
    });
  };
  return {
    name: inner.name,
    backend: inner.backend,
    plan: inner.plan,
    evaluate: (batch) => inner.evaluate(batch),
    predict: (x, count) => inner.predict(x, count),
    weights: async () => new Map([...weights].map(([name, values]) => [name, values.slice()])),
    state: async () => new Map(),
    step: refuse,
    restore: refuse,
    changeMasks: refuse,
    absentGradients: refuse,
    dispose: () => inner.dispose(),
  };
}
