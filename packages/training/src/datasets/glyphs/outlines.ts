/**
 * The strokes of 62 characters. Coordinates in units of a tenth of the capitals' height: x to the right, y downwards,
 * capitals and digits from y = 0 to 10, small letters from 4, descenders to 13.
 *
 * Strokes are separated by `|`; each is a run of commands that continue from where the last one ended:
 *   L x y x y …                   straight lines through the points
 *   Q cx cy x y                   quadratic Bézier curve with one control point
 *   A cx cy rx ry from to         arc of an ellipse, in quarter turns from the right (0), bottom 1, left 2, top 3
 */
const STROKES: Readonly<Record<string, string>> = {
  "0": "A 3 5 2.9 5 0 4 | L 4.2 3 1.8 7",
  "1": "L 1 2.2 3.5 0 3.5 10 | L 1.2 10 5.8 10",
  "2": "A 3 3 2.9 3 2 4.5 L 0 10 6 10",
  "3": "A 2.8 2.5 2.6 2.5 2.3 5 A 2.8 7.5 3 2.5 3 5.8",
  "4": "L 4.4 10 4.4 0 0 7 6 7",
  "5": "L 5.4 0 1 0 0.7 4.7 A 2.8 6.8 3.1 3.2 2.7 5.8",
  "6": "L 4.8 0 Q 0.6 2 0.2 6.9 A 3 6.9 2.8 3.1 2 6",
  "7": "L 0 0 6 0 2.2 10",
  "8": "A 3 2.5 2.4 2.5 0 4 | A 3 7.5 2.9 2.5 0 4",
  "9": "A 3 3.1 2.8 3.1 0 4 Q 5.6 8 1.6 10",
  A: "L 0 10 3.2 0 6.4 10 | L 1.2 6.6 5.2 6.6",
  B: "L 0.4 0 0.4 10 | L 0.4 0 2.8 0 A 2.8 2.4 2.4 2.4 3 5 L 0.4 4.8 | L 2.8 4.8 A 2.8 7.4 2.8 2.6 3 5 L 0.4 10",
  C: "A 3.6 5 3.5 5 -0.5 -3.5",
  D: "L 0.4 0 0.4 10 | L 0.4 0 2.4 0 A 2.4 5 3.8 5 3 5 L 0.4 10",
  E: "L 5.6 0 0.4 0 0.4 10 5.6 10 | L 0.4 4.9 4.6 4.9",
  F: "L 5.6 0 0.4 0 0.4 10 | L 0.4 4.9 4.6 4.9",
  G: "A 3.6 5 3.5 5 -0.5 -4 L 7.1 5.3 4.2 5.3",
  H: "L 0.4 0 0.4 10 | L 6 0 6 10 | L 0.4 4.9 6 4.9",
  I: "L 1 0 5 0 | L 3 0 3 10 | L 1 10 5 10",
  J: "L 2.4 0 5.8 0 | L 4.6 0 4.6 7 A 2.5 7 2.1 3 0 2",
  K: "L 0.6 0 0.6 10 | L 5.8 0 0.6 6 | L 2.3 4.2 6.2 10",
  L: "L 0.6 0 0.6 10 5.6 10",
  M: "L 0 10 0.5 0 3.6 6.6 6.7 0 7.2 10",
  N: "L 0.4 10 0.4 0 6 10 6 0",
  O: "A 3.8 5 3.8 5 0 4",
  P: "L 0.4 10 0.4 0 3 0 A 3 2.7 2.8 2.7 3 5 L 0.4 5.4",
  Q: "A 3.8 5 3.8 5 0 4 | L 4.6 7 7.4 10.8",
  R: "L 0.4 10 0.4 0 3 0 A 3 2.7 2.8 2.7 3 5 L 0.4 5.4 | L 3 5.4 6 10",
  S: "A 3.1 2.5 2.7 2.5 -0.4 -3 A 3.1 7.5 2.9 2.5 3 5.7",
  T: "L 0 0 6.4 0 | L 3.2 0 3.2 10",
  U: "L 0.4 0 0.4 6.6 A 3.2 6.6 2.8 3.4 2 0 L 6 0",
  V: "L 0 0 3.2 10 6.4 0",
  W: "L 0 0 1.9 10 3.9 2.6 5.9 10 7.8 0",
  X: "L 0.2 0 6.2 10 | L 6.2 0 0.2 10",
  Y: "L 0 0 3.2 5 6.4 0 | L 3.2 5 3.2 10",
  Z: "L 0.3 0 6 0 0.2 10 6.2 10",
  a: "A 2.5 7 2.4 3 0 4 | L 4.9 4 4.9 9 Q 4.9 10 6 10",
  b: "L 0.3 0 0.3 10 | A 2.8 7 2.5 3 0 4",
  c: "A 2.9 7 2.7 3 -0.5 -3.5",
  d: "L 5.2 0 5.2 10 | A 2.7 7 2.5 3 0 4",
  e: "L 0.3 7 5.3 7 A 2.8 7 2.5 3 0 -3.4",
  f: "L 2 10 2 2.2 A 3.9 2.2 1.9 2.2 2 3.5 | L 0.4 4.4 4.2 4.4",
  g: "A 2.6 7 2.4 3 0 4 | L 5 4 5 11 A 2.7 11 2.3 2.2 0 1.8",
  h: "L 0.4 0 0.4 10 | A 2.7 6.4 2.3 2.4 2 4 L 5 10",
  i: "L 2 4 2 10 | A 2 1.8 0.3 0.3 0 4",
  j: "L 3 4 3 11 A 1.4 11 1.6 2 0 1.7 | A 3 1.8 0.3 0.3 0 4",
  k: "L 0.5 0 0.5 10 | L 4.6 4 0.5 7.6 | L 1.8 6.6 5 10",
  l: "L 2 0 2 8.4 Q 2 10 4 9.8",
  m: "L 0.3 4 0.3 10 | A 1.95 6 1.65 2 2 4 L 3.6 10 | A 5.25 6 1.65 2 2 4 L 6.9 10",
  n: "L 0.4 4 0.4 10 | A 2.7 6.4 2.3 2.4 2 4 L 5 10",
  o: "A 2.7 7 2.6 3 0 4",
  p: "L 0.3 4 0.3 13 | A 2.8 7 2.5 3 0 4",
  q: "L 5.2 4 5.2 13 6.6 12 | A 2.7 7 2.5 3 0 4",
  r: "L 0.5 4 0.5 10 | A 3 6.6 2.5 2.6 2 3.5",
  s: "A 2.6 5.5 2 1.5 -0.4 -3 A 2.6 8.5 2.2 1.5 3 5.7",
  t: "L 2 1.4 2 8 A 3.6 8 1.6 2 2 0.6 | L 0.3 4 4.2 4",
  u: "L 0.4 4 0.4 7.6 A 2.7 7.6 2.3 2.4 2 0 | L 5 4 5 10",
  v: "L 0.2 4 2.7 10 5.2 4",
  w: "L 0 4 1.6 10 3.2 5 4.8 10 6.4 4",
  x: "L 0.3 4 5 10 | L 5 4 0.3 10",
  y: "L 0.3 4 2.8 9.6 | L 5.2 4 2.8 9.6 1 13",
  z: "L 0.4 4 5 4 0.3 10 5.2 10",
};

/** Class number → character: digits, capitals, small letters. */
export const CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Lines through these points: x and y of each in turn. */
export type Polyline = readonly number[];

/** Pieces that a curve or a quarter of an ellipse is cut into. */
const PIECES = 8;

/** The strokes of each character of {@link CHARACTERS}, as polylines; curves in short pieces. */
export const OUTLINES: readonly (readonly Polyline[])[] = Array.from(CHARACTERS, (character) =>
  STROKES[character]!.split("|").map(polyline),
);

function polyline(stroke: string): Polyline {
  const points: number[] = [];
  for (const [, command, list] of stroke.matchAll(/([LQA])([^LQA]*)/g)) {
    const numbers = list!.trim().split(/\s+/).map(Number);
    if (command === "L") points.push(...numbers);
    if (command === "Q") addCurve(points, numbers as [number, number, number, number]);
    if (command === "A") addArc(points, numbers as [number, number, number, number, number, number]);
  }
  return points;
}

function addCurve(
  points: number[],
  [controlX, controlY, endX, endY]: [number, number, number, number],
): void {
  const [startX, startY] = points.slice(-2) as [number, number];
  for (let piece = 1; piece <= PIECES; piece++) {
    const t = piece / PIECES;
    const [a, b, c] = [(1 - t) * (1 - t), 2 * t * (1 - t), t * t];
    points.push(a * startX + b * controlX + c * endX, a * startY + b * controlY + c * endY);
  }
}

function addArc(
  points: number[],
  [centreX, centreY, radiusX, radiusY, from, to]: [number, number, number, number, number, number],
): void {
  const count = Math.ceil(Math.abs(to - from) * PIECES);
  for (let piece = 0; piece <= count; piece++) {
    const [x, y] = onCircle(from + ((to - from) * piece) / count);
    points.push(centreX + radiusX * x, centreY + radiusY * y);
  }
}

/**
 * Point of the unit circle at `turn` quarter turns from the right: exact at whole quarters. A rational function
 * instead of sine and cosine, whose last bits differ between machines.
 */
function onCircle(turn: number): [number, number] {
  const quarter = Math.floor(turn);
  const t = turn - quarter;
  const c = (1 - t * t) / (1 + t * t);
  const s = (2 * t) / (1 + t * t);
  switch (((quarter % 4) + 4) % 4) {
    case 0:
      return [c, s];
    case 1:
      return [-s, c];
    case 2:
      return [-c, -s];
    default:
      return [s, -c];
  }
}
