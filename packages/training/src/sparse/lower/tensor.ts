/** Layout of values and gradients: size, zeros around them, and time of use. */

import type { Border } from "../model/kernelTaps.ts";
import { type Geometry, geometryOf } from "../plan/geometry.ts";

/** How wide the border of one tensor is, or of several that must have one geometry. */
export class Frame {
  border: Border = { top: 0, left: 0, bottom: 0, right: 0 };

  widen({ top, left, bottom, right }: Border): void {
    const { border } = this;
    this.border = {
      top: Math.max(top, border.top),
      left: Math.max(left, border.left),
      bottom: Math.max(bottom, border.bottom),
      right: Math.max(right, border.right),
    };
  }
}

export class PlannedTensor {
  readonly units: number;
  readonly height: number;
  readonly width: number;
  readonly #frame: Frame;
  /** Readers later in the program than any operation that may overwrite it now. */
  pendingReads = 0;
  /** Nodes with this gradient. */
  owners = 0;

  /** @param frame its own unless given */
  constructor(units: number, height: number, width: number, frame = new Frame()) {
    this.units = units;
    this.height = height;
    this.width = width;
    this.#frame = frame;
  }

  get border(): Border {
    return this.#frame.border;
  }

  get hasBorder(): boolean {
    const { top, left, bottom, right } = this.border;
    return top + left + bottom + right > 0;
  }

  /** Requires at least so many zeros. */
  widen(border: Border): void {
    this.#frame.widen(border);
  }

  /** @param lanes images a block */
  geometry(lanes: number): Geometry {
    return geometryOf(this, this.border, lanes);
  }
}

/** A tensor as the later stages see it. */
export type FinishedTensor = Pick<PlannedTensor, "units" | "height" | "width" | "hasBorder" | "geometry">;
