/** Values and gradients as they will stand in memory: how large, with how many zeros around them, and for how long. */

/** Pixels of zeros beyond each edge. */
export interface Border {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Sizes in bytes; see assembly/layers/layout.ts. */
export interface Geometry {
  readonly pixelBytes: number;
  readonly rowBytes: number;
  readonly unitBytes: number;
  readonly blockBytes: number;
  /** From a block's start to unit 0, row 0, pixel 0; the zeros before a unit's first row. */
  readonly headBytes: number;
  readonly gapBytes: number;
  readonly tailBytes: number;
}

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
  /** Readers that come later in the program than anyone who may want to change it now. */
  pendingReads = 0;
  /** Nodes whose gradient this is. */
  owners = 0;
  /** Address of its record and of its first block, once placed. */
  record = 0;
  address = 0;

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

  /** Asks for at least so many zeros. */
  widen(border: Border): void {
    this.#frame.widen(border);
  }

  /** @param lanes images a block */
  geometry(lanes: number): Geometry {
    const { top, left, bottom, right } = this.border;
    const pixelBytes = 4 * lanes;
    // the zeros right of a row are those left of the next
    const gapBytes = Math.max(left, right) * pixelBytes;
    const rowBytes = this.width * pixelBytes + gapBytes;
    const headBytes = top * rowBytes + left * pixelBytes;
    const tailBytes = bottom * rowBytes + right * pixelBytes;
    const bytes = headBytes + this.height * rowBytes - gapBytes + tailBytes;
    // an odd number of cache lines: units side by side do not compete for the same few sets
    const lines = Math.ceil(bytes / 64);
    const unitBytes = 64 * (lines % 2 === 1 ? lines : lines + 1);
    return {
      pixelBytes,
      rowBytes,
      unitBytes,
      blockBytes: Math.max(1, this.units) * unitBytes,
      headBytes,
      gapBytes,
      tailBytes,
    };
  }
}
