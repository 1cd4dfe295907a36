/**
 * Width of a layer: the fraction of its output units that have an incoming kept weight. The others are dead.
 *   width_l = |{o : some kept weight enters o}| / outCount_l;   mean and least over layers.
 */
import { deadUnits } from "../masks/silentUnits.ts";

export interface LayerWidth {
  /** Number of output units. */
  readonly unitCount: number;
  /** How many of them have no incoming kept weight. */
  readonly deadUnitCount: number;
  /** Fraction of output units that are not dead, 0 … 1. */
  readonly width: number;
}

/** @param mask of the layer's weight, `[unitCount, …]` */
export function layerWidth(mask: Uint8Array, unitCount: number): LayerWidth {
  const deadUnitCount = deadUnits(mask, unitCount).reduce((sum, dead) => sum + dead, 0);
  return { unitCount, deadUnitCount, width: (unitCount - deadUnitCount) / unitCount };
}
