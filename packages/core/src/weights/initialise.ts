/** Draws a network's initial weights. */
import { loadWalkEngine, type WalkEngine } from "@phew/engine";
import { ArgumentError } from "../errors.ts";
import type { Network } from "../network/network.ts";
import type { Parameter } from "../operations/definition.ts";
import { elementCount } from "../operations/shape.ts";
import { type Distribution, type Initialisation, kaimingFanIn } from "./initialisation.ts";
import type { Weights } from "./weights.ts";

export interface InitialiseOptions {
  /** Whole number, 0 ≤ seed ≤ 2^53 − 1. */
  readonly seed: number;
  /** Default Kaiming fan-in; `ownInitialisation(network)` is a zoo model's. */
  readonly initialisation?: Initialisation | undefined;
}

/**
 * Initial weights: element k of parameter p depends only on (seed, p, k), so that the same seed gives the same bytes
 * on every machine. See initialisation.ts for the formulas.
 * @throws ArgumentError if the seed is not a whole number
 */
export async function initialise(network: Network, options: InitialiseOptions): Promise<Weights> {
  const { seed, initialisation = kaimingFanIn } = options;
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError("seed", { given: `${seed}`, expected: "a whole number from 0 to 2^53 − 1" });
  }
  const engine = await loadWalkEngine();
  const weights = new Map<string, Float32Array>();
  for (const [stream, parameter] of network.parameters.entries()) {
    const values = new Float32Array(elementCount(parameter.shape));
    if (parameter.initial === "drawn") {
      const distribution = parameter.shape.length === 2 ? initialisation.dense : initialisation.conv;
      drawInto(values, engine, seed, stream, distribution, parameter);
    } else values.fill(parameter.initial);
    weights.set(parameter.name, values);
  }
  return weights;
}

function drawInto(
  values: Float32Array,
  engine: WalkEngine,
  seed: number,
  stream: number,
  distribution: Distribution,
  { shape }: Parameter,
): void {
  const [outCount, inCount, ...kernel] = shape as [number, number, ...number[]];
  const fanIn = inCount * elementCount(kernel);
  const fanOut = outCount * elementCount(kernel);
  if (distribution.kind === "xavier" && distribution.form === "uniform") {
    const high = Math.sqrt(6 / (fanIn + fanOut));
    engine.fillUniform(values, { seed, stream, low: -high, high });
    return;
  }
  const standardDeviation =
    distribution.kind === "normal"
      ? distribution.standardDeviation
      : distribution.kind === "kaiming"
        ? Math.sqrt(2 / (distribution.fan === "in" ? fanIn : fanOut))
        : Math.sqrt(2 / (fanIn + fanOut));
  engine.fillNormal(values, { seed, stream, standardDeviation });
}
