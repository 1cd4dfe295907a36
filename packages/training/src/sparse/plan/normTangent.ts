/** Memory for the tangents of one batch normalisation; see assembly/layers/batchNormTangent.ts. */

import type { Direction } from "./direction.ts";
import type { Norm } from "./parameters.ts";
import { Region } from "./region.ts";

export class NormTangent {
  readonly norm: Norm;
  /** f32[7][units] each: coefficients that tangents pass, and those that values pass on the way to a tangent. */
  readonly frozen: Region;
  readonly tangents: Region;
  /** f64[blocks][units][2] each. */
  readonly statistics: Region;
  readonly tangentSums: Region;
  readonly crossSums: Region;
  readonly #direction: Direction;

  constructor(norm: Norm, direction: Direction, blocks: number) {
    const coefficients = () => new Region("activations", 28 * norm.unitCount);
    const sums = () => new Region("gradients", 16 * blocks * norm.unitCount, { temporary: true });
    this.norm = norm;
    this.frozen = coefficients();
    this.tangents = coefficients();
    this.statistics = sums();
    this.tangentSums = sums();
    this.crossSums = sums();
    this.#direction = direction;
    Object.freeze(this);
  }

  /** Fields of a normTangent record. @param ofBatch true: the statistics are the batch's */
  fields(ofBatch: boolean) {
    const { places, unitCount, scale, shift, coefficients } = this.norm;
    return {
      places,
      units: unitCount,
      scale: scale.values,
      scaleTangent: this.#direction.units(scale),
      shiftTangent: this.#direction.units(shift),
      coefficients,
      frozen: this.frozen,
      tangents: this.tangents,
      ofBatch,
    };
  }
}
