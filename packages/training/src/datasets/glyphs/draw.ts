/**
 * Draws one glyph: a character's strokes under a random affine map and a smooth random warp, drawn with a pen of
 * random width by the distance of each pixel from the strokes, with stray strokes, uneven contrast and noise. Uses
 * only sums, products, quotients and square roots, so that every machine draws the same bytes.
 */
import type { Random } from "@phew/engine";
import { OUTLINES, type Polyline } from "./outlines.ts";

/** Height and width of a glyph in pixels. */
export const SIDE = 28;

/** How far glyphs stray from the outlines. Ranges are [least, most]. */
const STYLE = {
  /** Pixels to one unit of the outlines, across and down. */
  scale: [1.25, 1.75],
  /** Tangent of half the angle of turning. */
  halfTurn: [-0.12, 0.12],
  shear: [-0.25, 0.25],
  /** Pixels off the centre. */
  shift: [-2, 2],
  /** Greatest pixels that a knot of the warp moves. */
  warp: 3.5,
  /** Pixels from the stroke's middle to its edge. */
  halfWidth: [0.6, 1.5],
  ink: [0.55, 1],
  paper: [0, 0.2],
  /** Standard deviation of a pixel's noise. */
  noise: [0.02, 0.1],
  strayCount: 1,
  /** Share of the glyph's own ink, and greatest pixels from point to point. */
  strayInk: [0.3, 0.8],
  strayReach: 7,
} as const;

/** Centre of the image, in units of the outlines. */
const CENTRE = [3.2, 5.6] as const;
/** The warp is a cubic B-spline over this many cells each way: three knots more than cells. */
const CELLS = 3;
const KNOTS = CELLS + 3;

const between = (random: Random, [least, most]: readonly [number, number]): number =>
  least + (most - least) * (random.nextU32() / 4_294_967_296);

/** Draws class `c` at `pixels[start …]`, SIDE · SIDE bytes, row by row. */
export function drawGlyph(pixels: Uint8Array, start: number, c: number, random: Random): void {
  const halfWidth = between(random, STYLE.halfWidth);
  const map = randomMap(random);
  const warp = randomWarp(random);
  const ink = between(random, STYLE.ink);
  const paper = between(random, STYLE.paper) * ink;
  const noise = between(random, STYLE.noise);
  coverage.fill(0);
  for (const stroke of OUTLINES[c]!) drawStroke(stroke, map, warp, halfWidth);
  for (let strays = random.below(STYLE.strayCount + 1); strays > 0; strays--) drawStray(random, halfWidth);
  for (let k = 0; k < coverage.length; k++) {
    const value = paper + (ink - paper) * coverage[k]! + noise * gaussian(random);
    pixels[start + k] = Math.max(0, Math.min(255, Math.round(value * 255)));
  }
}

/** Share of each pixel that is inked; one glyph is drawn at a time. */
const coverage = new Float64Array(SIDE * SIDE);

/** x′ = a·x + b·y + e, y′ = c·x + d·y + f, from units of the outlines to pixels. */
interface AffineMap {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

function randomMap(random: Random): AffineMap {
  const scaleX = between(random, STYLE.scale);
  const scaleY = between(random, STYLE.scale);
  const shear = between(random, STYLE.shear);
  const t = between(random, STYLE.halfTurn);
  const cosine = (1 - t * t) / (1 + t * t);
  const sine = (2 * t) / (1 + t * t);
  const a = scaleX * cosine;
  const b = scaleX * shear * cosine - scaleY * sine;
  const c = scaleX * sine;
  const d = scaleX * shear * sine + scaleY * cosine;
  return {
    a,
    b,
    c,
    d,
    e: SIDE / 2 + between(random, STYLE.shift) - a * CENTRE[0] - b * CENTRE[1],
    f: SIDE / 2 + between(random, STYLE.shift) - c * CENTRE[0] - d * CENTRE[1],
  };
}

/** Displacements of KNOTS × KNOTS knots in pixels, x and y of each. */
function randomWarp(random: Random): Float64Array {
  const range = [-STYLE.warp, STYLE.warp] as const;
  return Float64Array.from({ length: KNOTS * KNOTS * 2 }, () => between(random, range));
}

/** Draws a line through the points, in units of the outlines, in pieces short enough to bend with the warp. */
function drawStroke(points: Polyline, map: AffineMap, warp: Float64Array, halfWidth: number): void {
  let [fromX, fromY] = [0, 0];
  for (let k = 0; k < points.length; k += 2) {
    const toX = map.a * points[k]! + map.b * points[k + 1]! + map.e;
    const toY = map.c * points[k]! + map.d * points[k + 1]! + map.f;
    if (k > 0) drawWarped(fromX, fromY, toX, toY, warp, halfWidth);
    fromX = toX;
    fromY = toY;
  }
}

function drawWarped(
  fromX: number,
  fromY: number,
  toX: number,
  toY: number,
  warp: Float64Array,
  halfWidth: number,
): void {
  const length = Math.sqrt((toX - fromX) ** 2 + (toY - fromY) ** 2);
  const pieceCount = Math.max(1, Math.ceil(length / PIECE_LENGTH));
  warpInto(fromX, fromY, warp);
  let [startX, startY] = warped;
  for (let piece = 1; piece <= pieceCount; piece++) {
    const t = piece / pieceCount;
    warpInto(fromX + t * (toX - fromX), fromY + t * (toY - fromY), warp);
    const [endX, endY] = warped;
    drawLine(startX, startY, endX, endY, halfWidth, 1);
    startX = endX;
    startY = endY;
  }
}

/** Pixels. */
const PIECE_LENGTH = 2;

// one point at a time: returning pairs would allocate in the inner loop
const warped: [number, number] = [0, 0];
const across = new Float64Array(4);
const down = new Float64Array(4);

/** Writes the warped position of a point into {@link warped}. */
function warpInto(x: number, y: number, warp: Float64Array): void {
  const column = splineWeightsInto(across, x);
  const row = splineWeightsInto(down, y);
  let [byX, byY] = [0, 0];
  for (let r = 0; r < 4; r++) {
    for (let c = 0; c < 4; c++) {
      const knot = 2 * ((row + r) * KNOTS + column + c);
      const weight = down[r]! * across[c]!;
      byX += weight * warp[knot]!;
      byY += weight * warp[knot + 1]!;
    }
  }
  warped[0] = x + byX;
  warped[1] = y + byY;
}

/** Weights of the four knots about a place along an axis, in pixels. @returns the first knot's number */
function splineWeightsInto(weights: Float64Array, place: number): number {
  const inCells = (Math.max(0, Math.min(SIDE, place)) / SIDE) * CELLS;
  const cell = Math.min(CELLS - 1, Math.floor(inCells));
  const t = inCells - cell;
  const u = 1 - t;
  weights[0] = (u * u * u) / 6;
  weights[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
  weights[2] = (4 - 6 * u * u + 3 * u * u * u) / 6;
  weights[3] = (t * t * t) / 6;
  return cell;
}

/** A short bent line somewhere, fainter than the glyph. */
function drawStray(random: Random, halfWidth: number): void {
  const strength = between(random, STYLE.strayInk);
  const place = () => between(random, [0, SIDE]);
  const near = (x: number) => x + between(random, [-STYLE.strayReach, STYLE.strayReach]);
  const [startX, startY] = [place(), place()];
  const [controlX, controlY] = [near(startX), near(startY)];
  const [endX, endY] = [near(controlX), near(controlY)];
  let [fromX, fromY] = [startX, startY];
  for (let piece = 1; piece <= 6; piece++) {
    const t = piece / 6;
    const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
    const toX = a * startX + b * controlX + c * endX;
    const toY = a * startY + b * controlY + c * endY;
    drawLine(fromX, fromY, toX, toY, halfWidth, strength);
    fromX = toX;
    fromY = toY;
  }
}

/** Inks pixels within `halfWidth` of a line, with an edge one pixel soft; darker pixels stay. */
function drawLine(
  fromX: number,
  fromY: number,
  toX: number,
  toY: number,
  halfWidth: number,
  strength: number,
): void {
  const reach = halfWidth + 0.5;
  const top = Math.max(0, Math.floor(Math.min(fromY, toY) - reach));
  const bottom = Math.min(SIDE - 1, Math.ceil(Math.max(fromY, toY) + reach));
  const left = Math.max(0, Math.floor(Math.min(fromX, toX) - reach));
  const right = Math.min(SIDE - 1, Math.ceil(Math.max(fromX, toX) + reach));
  const dx = toX - fromX;
  const dy = toY - fromY;
  const perLength = 1 / Math.max(1e-9, dx * dx + dy * dy);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const x = column + 0.5 - fromX;
      const y = row + 0.5 - fromY;
      const along = Math.max(0, Math.min(1, (x * dx + y * dy) * perLength));
      const offX = x - along * dx;
      const offY = y - along * dy;
      const inked = Math.min(1, reach - Math.sqrt(offX * offX + offY * offY)) * strength;
      const k = row * SIDE + column;
      if (inked > coverage[k]!) coverage[k] = inked;
    }
  }
}

/** Nearly normal, mean 0 and standard deviation 1: the sum of the four bytes of one number. */
function gaussian(random: Random): number {
  const u = random.nextU32();
  const sum = (u & 255) + ((u >>> 8) & 255) + ((u >>> 16) & 255) + (u >>> 24);
  return (sum - 510) / SUM_DEVIATION;
}

/** Of the sum of four whole numbers that are uniform on 0 … 255. */
const SUM_DEVIATION = Math.sqrt((4 * (256 * 256 - 1)) / 12);
