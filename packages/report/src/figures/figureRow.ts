/** What figures draw: a mask, or a run with its mask, in numbers. Rows of tables are such as they are; runs become such. */
import type { ComparedMask } from "../comparison.ts";

export interface FigureRow {
  /** Its colour is that of the method of this name: "phew" of `phew:bias=square+shuffle` too. */
  readonly method: string;
  /** What is drawn in one colour, by its name in the legend; `method` unless given. */
  readonly series?: string;
  /** Layers of different models stand in panels of their own. */
  readonly model?: string;
  /** Name of its network and data, where a dense network is drawn that is not of all rows: it is no yardstick for others. */
  readonly problem?: string;
  /** Asked for: a fraction. */
  readonly density: number;
  readonly seed: number;
  /** Different training examples of each class, where they are what differs. */
  readonly examples?: number;
  /** Classes, where their number is what differs. */
  readonly classes?: number;
  /** log10 of the path kernel trace over the dense network's; −Infinity without a path, NaN where it was not measured. */
  readonly logRelativeTrace?: number;
  /** Mean over the layers; a fraction of the output units. */
  readonly meanWidth?: number;
  /** Of each layer: its kept fraction, its width and its name; numbered where they have no names. */
  readonly densities?: readonly number[];
  readonly widths?: readonly number[];
  readonly layers?: readonly string[];
  /** On the test examples; a fraction. */
  readonly accuracy?: number;
  /** On the validation examples after the last epoch, of a run that has some; a fraction. */
  readonly validationAccuracy?: number | undefined;
  /** Which epoch that is of: "last epoch". */
  readonly accuracyOf?: string;
  /** After each epoch: test accuracy, and mean loss in training. */
  readonly accuracies?: readonly number[];
  readonly losses?: readonly number[];
  /** Number of the epoch that the first of these is of; 0 is the evaluation before any step. */
  readonly firstEpoch?: number;
  /** Epochs asked for. Without `firstEpoch`, a longer list begins before any step. */
  readonly epochs?: number;
  /** The loss between epochs, where it was measured: x in epochs, rising. */
  readonly lossCurve?: { readonly x: readonly number[]; readonly y: readonly number[] };
  /** Of a run whose rule changes the masks, after each change: x in epochs, rising; fractions. */
  readonly overlapCurve?: { readonly x: readonly number[]; readonly y: readonly number[] };
  readonly everKeptCurve?: { readonly x: readonly number[]; readonly y: readonly number[] };
  /** After each epoch: log10 of the path kernel trace, and the units of the 0.9-core. */
  readonly traceCurve?: { readonly x: readonly number[]; readonly y: readonly number[] };
  readonly coreCurve?: { readonly x: readonly number[]; readonly y: readonly number[] };
  /** Of the training, in milliseconds. */
  readonly trainingMs?: number;
  /** Of one example's forward pass through the kept weights. */
  readonly multiplyAdds?: number;
}

export function seriesOf({ series, method }: FigureRow): string {
  return series ?? method;
}

/** "test accuracy of the last epoch", as far as rows say of which. */
export function accuracyName(rows: readonly FigureRow[]): string {
  const words = [...new Set(rows.flatMap(({ accuracyOf }) => accuracyOf ?? []))];
  return words.length === 0 ? "test accuracy" : `test accuracy of the ${words.join(", or ")}`;
}

/** Name of the method without its options and check. */
export function methodOf({ method }: FigureRow): string {
  return method.split(/[:+]/, 1)[0]!;
}

export function isDense(row: FigureRow): boolean {
  return methodOf(row) === "dense";
}

export function maskFigureRow(mask: ComparedMask): FigureRow {
  return {
    method: mask.method,
    density: mask.requestedDensity,
    seed: mask.seed,
    logRelativeTrace: mask.log10RelativeTrace ?? Math.log10(mask.relativeTrace),
    meanWidth: mask.meanWidth,
    densities: mask.layers.map(({ density }) => density),
    widths: mask.layers.map(({ width }) => width),
    layers: mask.layers.map(({ name }) => name),
  };
}
