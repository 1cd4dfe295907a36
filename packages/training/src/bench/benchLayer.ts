/**
 * Times a single layer, with batch normalisation before it, so that the gradient of its input is computed as in the
 * middle of a network, and the mean of its channels after it as outputs. The layer's own times come from the profile.
 */
import { ArgumentError, initialise, type Network, NetworkBuilder, prune } from "@phew/core";
import { type BenchSettings, benchSubject } from "./benchNetwork.ts";
import type { BenchReport } from "./report.ts";

export interface LayerBenchOptions extends BenchSettings {
  /** `[channels, height, width]` of a convolution's input, or `[features]` of a dense layer's. */
  readonly inputShape: readonly number[];
  /** Channels or features that come out, at least 2: they are classes too. */
  readonly outCount: number;
  /** Side of a convolution's kernel; with odd ones padding keeps height and width. Default 3. */
  readonly kernel?: number;
  /** Fraction of weights kept, chosen at random. */
  readonly density: number;
  readonly seed: number;
}

/** Name of the layer's node in the report. */
export const BENCHED_LAYER = "layer";

/** Training steps. @throws ArgumentError if an option is not usable; Error if a process fails; signal.reason */
export async function benchLayer(options: LayerBenchOptions): Promise<BenchReport> {
  const { density, seed } = options;
  const network = networkAround(options);
  const weights = await initialise(network, { seed });
  const { masks } = await prune(network, weights, { method: "random", density, seed });
  const subject = { network, weights, masks };
  const report = await benchSubject("train", subject, seed, { ...options, profile: true });
  return { method: "random", requestedDensity: density, ...report };
}

function networkAround({ inputShape, outCount, kernel = 3 }: LayerBenchOptions): Network {
  if (!Number.isInteger(outCount) || outCount < 2) {
    throw new ArgumentError("output channels", {
      given: `${outCount}`,
      expected: "a whole number of at least 2",
    });
  }
  const b = new NetworkBuilder(`${inputShape.join("×")} to ${outCount}`, inputShape);
  const x = b.batchNorm("before", b.input);
  if (inputShape.length === 1) return b.build(b.dense(BENCHED_LAYER, x, outCount, { bias: false }));
  const y = b.conv2d(BENCHED_LAYER, x, {
    outChannels: outCount,
    kernel,
    padding: (kernel - 1) >> 1,
    bias: false,
  });
  return b.build(b.globalAveragePool(y));
}
