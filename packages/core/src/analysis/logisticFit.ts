/**
 * Accuracy over density as a logistic curve of the logarithm,
 *   acc(d) = A / (1 + exp(−k (ln d − ln d₀))),   A, k > 0,
 * by least squares: A in closed form for every k and d₀ of a grid, which is refined around its best point. The same points
 * give the same curve on every machine up to rounding.
 */
import { ArgumentError } from "../errors.ts";

export interface LogisticCurve {
  /** Where the curve levels off. */
  readonly plateau: number;
  readonly slope: number;
  /** ln d₀: the curve is at half its plateau there. */
  readonly middle: number;
  /** Root of the mean squared residual. */
  readonly residual: number;
}

const SIDE = 16;
const REFINEMENTS = 8;

/**
 * @param densities above 0, at least 4 different ones; @param accuracies of the same length
 * @throws ArgumentError for fewer points
 */
export function fitLogistic(densities: readonly number[], accuracies: readonly number[]): LogisticCurve {
  if (new Set(densities).size < 4 || densities.length !== accuracies.length) {
    throw new ArgumentError("points of a logistic curve", {
      given: `${new Set(densities).size} densities, ${accuracies.length} accuracies`,
      expected: "at least 4 different densities, with an accuracy each",
    });
  }
  const x = densities.map(Math.log);
  const [first, last] = [Math.min(...x), Math.max(...x)];
  // of ln k, and of ln d₀
  let slopes: Range = [Math.log(0.05), Math.log(20)];
  let middles: Range = [first - 6, last + 2];
  let best = bestOf(slopes, middles, x, accuracies);
  for (let round = 0; round < REFINEMENTS; round++) {
    slopes = around(Math.log(best.slope), slopes);
    middles = around(best.middle, middles);
    best = bestOf(slopes, middles, x, accuracies);
  }
  return best;
}

export function logisticAt({ plateau, slope, middle }: LogisticCurve, density: number): number {
  return plateau * shape(slope, middle, Math.log(density));
}

type Range = readonly [number, number];

const shape = (slope: number, middle: number, x: number) => 1 / (1 + Math.exp(-slope * (x - middle)));

/** A third of the range, about its best point. */
function around(centre: number, [low, high]: Range): Range {
  const reach = (high - low) / 6;
  return [centre - reach, centre + reach];
}

function bestOf(slopes: Range, middles: Range, x: readonly number[], y: readonly number[]): LogisticCurve {
  let best: LogisticCurve | undefined;
  for (let i = 0; i <= SIDE; i++) {
    const slope = Math.exp(slopes[0] + ((slopes[1] - slopes[0]) * i) / SIDE);
    for (let j = 0; j <= SIDE; j++) {
      const curve = fitted(slope, middles[0] + ((middles[1] - middles[0]) * j) / SIDE, x, y);
      if (best === undefined || curve.residual < best.residual) best = curve;
    }
  }
  return best!;
}

function fitted(slope: number, middle: number, x: readonly number[], y: readonly number[]): LogisticCurve {
  const shapes = x.map((value) => shape(slope, middle, value));
  const cross = shapes.reduce((sum, s, k) => sum + s * y[k]!, 0);
  const own = shapes.reduce((sum, s) => sum + s * s, 0);
  const plateau = own > 0 ? cross / own : 0;
  const squares = shapes.reduce((sum, s, k) => sum + (plateau * s - y[k]!) ** 2, 0);
  return { plateau, slope, middle, residual: Math.sqrt(squares / x.length) };
}
