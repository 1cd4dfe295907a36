/** Many images of a data set in one picture, for looking at. */

/** Grey values, row by row, one byte a pixel. */
export interface GreyBitmap {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * Lays out square grey images row by row, dark on light, with one pixel between them.
 * @param pixels the images, `side · side` bytes each @param columns images in a row @param scale screen pixels to an image's
 */
export function contactSheet(pixels: Uint8Array, side: number, columns: number, scale = 1): GreyBitmap {
  const count = pixels.length / (side * side);
  const pitch = side * scale + 1;
  const width = columns * pitch + 1;
  const height = Math.ceil(count / columns) * pitch + 1;
  const sheet = new Uint8Array(width * height).fill(255);
  for (let image = 0; image < count; image++) {
    const left = 1 + (image % columns) * pitch;
    const top = 1 + Math.floor(image / columns) * pitch;
    for (let y = 0; y < side * scale; y++) {
      for (let x = 0; x < side * scale; x++) {
        const from = (image * side + Math.floor(y / scale)) * side + Math.floor(x / scale);
        sheet[(top + y) * width + left + x] = 255 - pixels[from]!;
      }
    }
  }
  return { width, height, pixels: sheet };
}
