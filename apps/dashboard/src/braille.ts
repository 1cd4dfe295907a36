/** A drawing of braille dots, 2 × 4 to a cell. A cell has one colour, so a line takes the cells it runs through from those below it. */

/** Bits of a cell's dots by [row][column], as Unicode numbers them from U+2800. */
const DOT_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

const NO_LINE = 255;

export interface BrailleCanvas {
  /** In cells. */
  readonly width: number;
  readonly height: number;
  /** Dots of each cell, row-major. */
  readonly dots: Uint8Array;
  /** Number of the line drawn last through each cell, row-major. */
  readonly line: Uint8Array;
  /** Characters in place of dots, by cell. */
  readonly marks: Map<number, string>;
}

export function brailleCanvas(width: number, height: number): BrailleCanvas {
  return {
    width,
    height,
    dots: new Uint8Array(width * height),
    line: new Uint8Array(width * height).fill(NO_LINE),
    marks: new Map(),
  };
}

/** Draws a straight line between two dots; x from 0 to 2·width − 1, y from 0 (top) to 4·height − 1. Outside: cut off. */
export function drawLineInto(
  canvas: BrailleCanvas,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  line: number,
): void {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
  for (let s = 0; s <= steps; s++) {
    drawDotInto(
      canvas,
      Math.round(x0 + ((x1 - x0) * s) / steps),
      Math.round(y0 + ((y1 - y0) * s) / steps),
      line,
    );
  }
}

export function drawDotInto(canvas: BrailleCanvas, x: number, y: number, line: number): void {
  const column = x >> 1;
  const row = y >> 2;
  if (column < 0 || column >= canvas.width || row < 0 || row >= canvas.height) return;
  const cell = row * canvas.width + column;
  if (canvas.line[cell] !== line) canvas.dots[cell] = 0;
  canvas.dots[cell]! |= DOT_BITS[y & 3]![x & 1]!;
  canvas.line[cell] = line;
}

/** Puts a character into the cell of a dot; it stays whatever is drawn later. */
export function drawMarkInto(canvas: BrailleCanvas, x: number, y: number, mark: string, line: number): void {
  drawDotInto(canvas, x, y, line);
  const cell = (y >> 2) * canvas.width + (x >> 1);
  if (canvas.line[cell] === line) canvas.marks.set(cell, mark);
}

/** A vertical line through the cells of a column that nothing else runs through. */
export function drawPoleInto(canvas: BrailleCanvas, column: number, line: number): void {
  for (let row = 0; row < canvas.height; row++) {
    const cell = row * canvas.width + column;
    if (canvas.line[cell] !== NO_LINE) continue;
    canvas.line[cell] = line;
    canvas.marks.set(cell, "┊");
  }
}

/** A row of cells as pieces of one line each; `line` is undefined for empty cells. */
export function canvasRow(canvas: BrailleCanvas, row: number): { text: string; line?: number }[] {
  const pieces: { text: string; line?: number }[] = [];
  let before: number | undefined;
  for (let column = 0; column < canvas.width; column++) {
    const cell = row * canvas.width + column;
    const line = canvas.line[cell]!;
    const glyph =
      canvas.marks.get(cell) ?? (line === NO_LINE ? " " : String.fromCharCode(0x2800 + canvas.dots[cell]!));
    const last = pieces.at(-1);
    if (last && line === before) last.text += glyph;
    else pieces.push(line === NO_LINE ? { text: glyph } : { text: glyph, line });
    before = line;
  }
  return pieces;
}
