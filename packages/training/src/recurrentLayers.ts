/** Networks with recurrent layers, on executors that compute them step by step. */
import { Masks, unrolled } from "@phew/core";
import type { Executor, ExecutorFactory } from "./executor.ts";

/** Gives the executor the network with its recurrent layers unrolled; parameters and their order are the same. */
export function withRecurrentLayers(factory: ExecutorFactory): ExecutorFactory {
  return async (options) => {
    const network = unrolled(options.network);
    if (network === options.network) return factory(options);
    const ofSteps = (masks: Masks): Masks => new Masks(network, masks.bytes);
    const inner = await factory({ ...options, network, masks: options.masks && ofSteps(options.masks) });
    return {
      ...methodsOf(inner),
      changeMasks: (next) => inner.changeMasks(ofSteps(next)),
    };
  };
}

/** What an executor does, as fields: its methods keep their own `this`. */
export function methodsOf(inner: Executor): Executor {
  return {
    name: inner.name,
    backend: inner.backend,
    get plan() {
      return inner.plan;
    },
    step: (batch, rate) => inner.step(batch, rate),
    evaluate: (batch) => inner.evaluate(batch),
    predict: (x, count) => inner.predict(x, count),
    weights: () => inner.weights(),
    state: () => inner.state(),
    restore: (weights, state, stepCount) => inner.restore(weights, state, stepCount),
    changeMasks: (next) => inner.changeMasks(next),
    absentGradients: (requests, batch, take) => inner.absentGradients(requests, batch, take),
    unitActivity: inner.unitActivity && ((batch, signs) => inner.unitActivity!(batch, signs)),
    firstNonFinite: inner.firstNonFinite && (() => inner.firstNonFinite!()),
    stateNorms: inner.stateNorms && ((buffer) => inner.stateNorms!(buffer)),
    startTiming: inner.startTiming && (() => inner.startTiming!()),
    endTiming: inner.endTiming && (() => inner.endTiming!()),
    dispose: () => inner.dispose(),
  };
}
