/**
 * Writes a window of a stored image as an input: input[c][y][x] = stored[c][y + top][x + left], with `flip`
 * stored[c][y + top][width − 1 − x + left]; black outside the image. Such a window is torchvision's RandomCrop with
 * padding and RandomHorizontalFlip, before normalisation.
 */
/** Inputs are (pixel / 255 − mean) / std, one number a channel. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** `[channels, height, width]` of a stored image and of an input. */
export interface ImageFrame {
  readonly stored: readonly [number, number, number];
  readonly input: readonly [number, number, number];
  /** Of bytes; floats are inputs already. */
  readonly normalisation?: Normalisation;
}

/** top, left and flip (0 or 1) of each example, one after the other. */
export type Views = Int32Array;

/** top and left of the window in the middle. */
function centre({ stored, input }: ImageFrame): readonly [number, number] {
  return [Math.floor((stored[1] - input[1]) / 2), Math.floor((stored[2] - input[2]) / 2)];
}

export class WindowWriter {
  readonly #frame: ImageFrame;
  /** For each channel, the input that each pixel value becomes; absent: the value itself. */
  readonly #inputs: Float32Array | undefined;
  readonly #centre: readonly [number, number];
  readonly #storedLength: number;
  readonly #inputLength: number;

  constructor(frame: ImageFrame) {
    const { stored, input, normalisation } = frame;
    this.#frame = frame;
    this.#centre = centre(frame);
    this.#storedLength = stored[0] * stored[1] * stored[2];
    this.#inputLength = input[0] * input[1] * input[2];
    this.#inputs = normalisation && inputTable(stored[0], normalisation);
  }

  /** Writes example `from` of `pixels` as input `to` of `x`, through view `to` of `views`. */
  write(x: Float32Array, to: number, pixels: ArrayLike<number>, from: number, views?: Views): void {
    const { stored, input } = this.#frame;
    const [channels, height, width] = input;
    const [, storedHeight, storedWidth] = stored;
    const top = views === undefined ? this.#centre[0] : views[3 * to]!;
    const left = views === undefined ? this.#centre[1] : views[3 * to + 1]!;
    const flip = views !== undefined && views[3 * to + 2] === 1;
    const inputs = this.#inputs;
    // columns of the window that lie inside the image
    const first = Math.max(0, -left);
    const end = Math.max(first, Math.min(width, storedWidth - left));
    let out = to * this.#inputLength;
    for (let c = 0; c < channels; c++) {
      const table = c << 8;
      const black = inputs === undefined ? 0 : inputs[table]!;
      const plane = from * this.#storedLength + c * storedHeight * storedWidth;
      for (let y = 0; y < height; y++, out += width) {
        const row = y + top;
        const inside = row >= 0 && row < storedHeight;
        if (!inside || first > 0 || end < width) x.fill(black, out, out + width);
        if (!inside) continue;
        let source = plane + row * storedWidth + left + first;
        let place = flip ? out + width - 1 - first : out + first;
        const step = flip ? -1 : 1;
        for (let column = first; column < end; column++, source++, place += step)
          x[place] = inputs === undefined ? pixels[source]! : inputs[table + pixels[source]!]!;
      }
    }
  }
}

function inputTable(channels: number, { mean, std }: Normalisation): Float32Array {
  return Float32Array.from({ length: channels * 256 }, (_, k) => {
    const channel = k >> 8;
    return ((k & 255) / 255 - mean[channel]!) / std[channel]!;
  });
}
