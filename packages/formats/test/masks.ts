/** Masks that try an export: dead units, and units that nothing reads. */
import { Masks, type Network } from "@phew/core";
import { uniform } from "./fuzz.ts";

/** Some weights gone, and for about every third unit of a layer everything that enters it, or everything that leaves. */
export function masksFor(network: Network, seed: number, density = 0.7): Masks {
  const next = uniform(seed);
  const masks = Masks.dense(network);
  for (const parameter of network.prunable) {
    const mask = masks.of(parameter);
    const [outCount, inPerGroup] = parameter.shape as [number, number];
    const kernelSize = mask.length / outCount / inPerGroup;
    for (let k = 0; k < mask.length; k++) if (next() > density) mask[k] = 0;
    for (let o = 0; o < outCount; o++) {
      if (next() < 0.35) mask.fill(0, o * inPerGroup * kernelSize, (o + 1) * inPerGroup * kernelSize);
    }
    for (let i = 0; i < inPerGroup; i++) {
      if (next() > 0.35) continue;
      for (let o = 0; o < outCount; o++) {
        mask.fill(0, (o * inPerGroup + i) * kernelSize, (o * inPerGroup + i + 1) * kernelSize);
      }
    }
  }
  return masks;
}
