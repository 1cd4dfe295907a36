/** The two blocks of residual networks, under PyTorch's names and in its order of parameters. */
import type { NetworkBuilder, Value } from "../network/builder.ts";

export interface ConvNormOptions {
  readonly outChannels: number;
  /** Side of the kernel; padded by its half. */
  readonly kernel: number;
  readonly stride?: number | undefined;
  readonly groups?: number | undefined;
}

/** A convolution without bias, then batch normalisation. */
export function convNorm(
  b: NetworkBuilder,
  conv: string,
  norm: string,
  x: Value,
  options: ConvNormOptions,
): Value {
  const padding = Math.floor(options.kernel / 2);
  return b.batchNorm(norm, b.conv2d(conv, x, { ...options, padding, bias: false }));
}

/**
 * Two 3×3 convolutions beside a shortcut.
 * @param shortcut name of the projection within the block; without it the shortcut is the identity
 */
export function basicBlock(
  b: NetworkBuilder,
  name: string,
  x: Value,
  outChannels: number,
  stride: number,
  shortcut?: string,
): Value {
  const at = (part: string) => `${name}.${part}`;
  let y = b.relu(convNorm(b, at("conv1"), at("bn1"), x, { outChannels, kernel: 3, stride }));
  y = convNorm(b, at("conv2"), at("bn2"), y, { outChannels, kernel: 3 });
  return b.relu(b.add(y, projected(b, name, x, outChannels, stride, shortcut)));
}

/** 1×1, 3×3 (which takes the stride) and 1×1 with four times the channels, beside a shortcut. */
export function bottleneckBlock(
  b: NetworkBuilder,
  name: string,
  x: Value,
  channels: number,
  stride: number,
  shortcut?: string,
): Value {
  const at = (part: string) => `${name}.${part}`;
  let y = b.relu(convNorm(b, at("conv1"), at("bn1"), x, { outChannels: channels, kernel: 1 }));
  y = b.relu(convNorm(b, at("conv2"), at("bn2"), y, { outChannels: channels, kernel: 3, stride }));
  y = convNorm(b, at("conv3"), at("bn3"), y, { outChannels: 4 * channels, kernel: 1 });
  return b.relu(b.add(y, projected(b, name, x, 4 * channels, stride, shortcut)));
}

function projected(
  b: NetworkBuilder,
  block: string,
  x: Value,
  outChannels: number,
  stride: number,
  shortcut: string | undefined,
): Value {
  if (shortcut === undefined) return x;
  const name = `${block}.${shortcut}`;
  return convNorm(b, `${name}.0`, `${name}.1`, x, { outChannels, kernel: 1, stride });
}
