/** Terms of an axis of positions: which positions of the input each position of the output is made of. */
import { ArgumentError } from "../errors.ts";

/** A position of the input, and the factor that it counts with. */
export type Term = readonly [at: number, factor: number];

export interface AxisTerms {
  /** Length of the axis in the input. */
  readonly from: number;
  /** The terms of each position of the output; none: it holds the operation's `fill`. */
  readonly places: readonly (readonly Term[])[];
}

/** Positions of the input in the order in which the output has them; undefined: none stands there. */
export const placesTaken = (from: number, taken: readonly (number | undefined)[]): AxisTerms => ({
  from,
  places: taken.map((at) => (at === undefined ? [] : [[at, 1]])),
});

export const allPlaces = (length: number): AxisTerms =>
  placesTaken(
    length,
    Array.from({ length }, (_, at) => at),
  );

/** How positions outside are filled: with a constant, by mirroring at the border, or with the border itself. */
export type PadMode = "constant" | "reflect" | "edge";

/**
 * An axis with `before` and `after` positions more; fewer where they are negative.
 * @throws ArgumentError if nothing is left, or a mirror would reach beyond the other border
 */
export function paddedAxis(length: number, before: number, after: number, mode: PadMode): AxisTerms {
  const outLength = length + before + after;
  const widest = Math.max(before, after);
  if (outLength < 1 || (mode === "reflect" && widest >= length)) {
    throw new ArgumentError("padding", {
      given: `${before} before and ${after} after an axis of ${length}, by "${mode}"`,
      expected: mode === "reflect" ? `less than ${length} on either side` : "something that is left of it",
    });
  }
  const source = (at: number): number | undefined => {
    if (at >= 0 && at < length) return at;
    if (mode === "edge") return at < 0 ? 0 : length - 1;
    if (mode === "reflect") return at < 0 ? -at : 2 * (length - 1) - at;
    return undefined;
  };
  return placesTaken(
    length,
    Array.from({ length: outLength }, (_, p) => source(p - before)),
  );
}

/** An axis with stride − 1 empty positions between any two, and `crop` positions fewer on either side. */
export function spreadAxis(
  length: number,
  stride: number,
  [before, after]: readonly [number, number],
): AxisTerms {
  const outLength = (length - 1) * stride + 1 - before - after;
  if (outLength < 1) {
    throw new ArgumentError("transposed convolution", {
      given: `padding that takes away all of ${length} positions`,
      expected: "less padding",
    });
  }
  return placesTaken(
    length,
    Array.from({ length: outLength }, (_, p) =>
      (p + before) % stride === 0 ? (p + before) / stride : undefined,
    ),
  );
}

/** The terms back: output position p has the term (i, a) where p of `terms` is a term of i. */
export function transposedTerms({ from, places }: AxisTerms): AxisTerms {
  const back: Term[][] = Array.from({ length: from }, () => []);
  for (const [p, terms] of places.entries()) for (const [at, factor] of terms) back[at]!.push([p, factor]);
  return { from: places.length, places: back };
}

/** Two axes as one, row-major. */
export function joinedTerms(outer: AxisTerms, inner: AxisTerms): AxisTerms {
  const places = outer.places.flatMap((rows) =>
    inner.places.map((columns) =>
      rows.flatMap(([i, a]) => columns.map(([j, b]): Term => [i * inner.from + j, a * b])),
    ),
  );
  return { from: outer.from * inner.from, places };
}

/** Windows over an axis: those of a pooling. @param share factor of each term, from what the window counts */
export function windowTerms(
  { length, kernel, stride, dilation, before, after }: WindowAxis,
  outLength: number,
  share: (inside: number, padded: number) => number,
): AxisTerms {
  const places = Array.from({ length: outLength }, (_, p) => {
    const all = Array.from({ length: kernel }, (_, k) => p * stride - before + k * dilation);
    const inside = all.filter((at) => at >= 0 && at < length);
    const factor = share(inside.length, all.filter((at) => at < length + after).length);
    return inside.map((at): Term => [at, factor]);
  });
  return { from: length, places };
}

/** One axis that a window slides over. */
export interface WindowAxis {
  readonly length: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}
