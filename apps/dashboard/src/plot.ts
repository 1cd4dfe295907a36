/** Curves with axes as rows of text: braille in the middle, ticks to the left and below. */
import { type Curve, formatMeasure, formatShortCount, textWidth } from "@phew/runs";
import {
  brailleCanvas,
  canvasRow,
  drawDotInto,
  drawLineInto,
  drawMarkInto,
  drawPoleInto,
} from "./braille.ts";
import { fit, type Span, type StyledRow } from "./styledText.ts";
import { COLOURS } from "./theme.ts";

export interface PlotLine {
  readonly curve: Curve;
  readonly colour: string;
  readonly dim?: boolean | undefined;
  /** A letter at its last point, or at all points, since a colour alone does not identify a line. */
  readonly mark?: string;
  readonly marksAll?: boolean;
}

export interface PlotOptions {
  /** In columns and rows, axes included. */
  readonly width: number;
  readonly height: number;
  readonly logScale: boolean;
  /** What x counts: `step`, `epoch`. */
  readonly xName: string;
  /** The ends of the x axis; those of the curves unless given. */
  readonly range?: readonly [least: number, most: number] | undefined;
  /** The x of a vertical line. */
  readonly cursor?: number | undefined;
  /** How an end of the x axis is written. */
  readonly xFormat?: (value: number) => string;
  /** How a tick of the y axis is written; more than three digits where neighbours would look the same. */
  readonly yFormat?: (value: number, digits: number) => string;
}

const MOST_DIGITS = 9;

interface Range {
  readonly least: number;
  readonly most: number;
}

/**
 * The lines in one frame, later ones on top; points that are not numbers (or not positive on a logarithmic axis)
 * break a line.
 * @returns exactly `height` rows of `width` columns; blank if there is nothing to draw or no space
 */
export function plotRows(lines: readonly PlotLine[], options: PlotOptions): StyledRow[] {
  return plotted(lines, options).rows;
}

/** A plot, and the x of each of its columns. */
export interface Plot {
  readonly rows: StyledRow[];
  /** Undefined beside the curves. */
  readonly xAt: (column: number) => number | undefined;
}

/** @see plotRows */
export function plotted(lines: readonly PlotLine[], options: PlotOptions): Plot {
  const { width, height, logScale, xName } = options;
  const scale = logScale ? Math.log10 : (value: number) => value;
  const x = options.range
    ? { least: options.range[0], most: options.range[1] }
    : rangeOf(lines.flatMap((line) => line.curve.x));
  const seen = options.range ? lines.map((line) => ({ ...line, curve: partOf(line.curve, x!) })) : lines;
  const y = heightOf(seen, x, scale);
  const plotHeight = height - 2;
  if (!x || !y || plotHeight < 2) return noPlot(width, height);
  const shown = padded(y);
  const ticks = ticksOf(shown, plotHeight, logScale);
  const labels = labelsOf(
    ticks.map((tick) => (logScale ? 10 ** tick : tick)),
    options.yFormat ?? tickText,
  );
  const labelWidth = Math.max(...labels.map(textWidth), 1);
  const plotWidth = width - labelWidth - 2;
  if (plotWidth < 8) return noPlot(width, height);

  const canvas = brailleCanvas(plotWidth, plotHeight);
  seen.forEach((line, l) => {
    drawCurveInto(canvas, line, scale, x, shown, l);
  });
  const cursor = cursorColumn(options.cursor, x, plotWidth);
  if (cursor !== undefined) drawPoleInto(canvas, cursor, lines.length);
  const tickRows = new Map(ticks.map((tick, k) => [rowOf(tick, shown, plotHeight), labels[k]!]));
  const rows: StyledRow[] = [];
  for (let row = 0; row < plotHeight; row++) {
    const label = tickRows.get(row);
    const axis: Span = {
      text: `${fit(label ?? "", labelWidth, "right")} ${label === undefined ? "│" : "┤"}`,
      colour: COLOURS.faint,
    };
    rows.push([axis, ...canvasRow(canvas, row).map((piece) => painted(piece, lines))]);
  }
  const axis = { labelWidth, plotWidth, xName, format: options.xFormat ?? formatShortCount, cursor };
  const xAt = (column: number) => {
    const at = column - labelWidth - 2;
    return at < 0 || at >= plotWidth ? undefined : x.least + (at / (plotWidth - 1)) * (x.most - x.least);
  };
  return { rows: [...rows, ...xAxis(x, axis)], xAt };
}

function painted(piece: { text: string; line?: number }, lines: readonly PlotLine[]): Span {
  if (piece.line === undefined) return { text: piece.text };
  const line = lines[piece.line] ?? CURSOR;
  return { text: piece.text, colour: line.colour, dim: line.dim };
}

/** Least and greatest y of the points in the range; if it has none, of the points beside it. */
function heightOf(
  lines: readonly PlotLine[],
  x: Range | undefined,
  scale: (value: number) => number,
): Range | undefined {
  const isWithin = (place: number) => x !== undefined && place >= x.least && place <= x.most;
  const within = lines.flatMap(({ curve }) => curve.y.filter((_, k) => isWithin(curve.x[k]!)));
  return rangeOf(within.map(scale)) ?? rangeOf(lines.flatMap(({ curve }) => curve.y.map(scale)));
}

/** The points of a range, and one before and behind it, so that lines reach the edges. */
function partOf({ x, y }: Curve, { least, most }: Range): Curve {
  const first = x.findIndex((value) => value >= least);
  const last = x.findLastIndex((value) => value <= most);
  const [start, end] = [first < 0 ? x.length : first, last + 1];
  return { x: x.slice(Math.max(0, start - 1), end + 1), y: y.slice(Math.max(0, start - 1), end + 1) };
}

const CURSOR: Pick<PlotLine, "colour" | "dim"> = { colour: COLOURS.accent };

/** The column of the cursor; undefined if it is outside the shown range. */
function cursorColumn(cursor: number | undefined, { least, most }: Range, width: number): number | undefined {
  if (cursor === undefined || !(cursor >= least && cursor <= most)) return undefined;
  return most === least ? 0 : Math.round(((cursor - least) / (most - least)) * (2 * width - 1)) >> 1;
}

function drawCurveInto(
  canvas: ReturnType<typeof brailleCanvas>,
  { curve, mark, marksAll }: PlotLine,
  scale: (value: number) => number,
  x: Range,
  y: Range,
  line: number,
): void {
  const columns = 2 * canvas.width - 1;
  const rows = 4 * canvas.height - 1;
  let before: readonly [number, number] | undefined;
  for (let k = 0; k < curve.x.length; k++) {
    const value = scale(curve.y[k]!);
    if (!Number.isFinite(value)) {
      before = undefined;
      continue;
    }
    const px = x.most === x.least ? 0 : Math.round(((curve.x[k]! - x.least) / (x.most - x.least)) * columns);
    const py = Math.round(((y.most - value) / (y.most - y.least)) * rows);
    if (before) drawLineInto(canvas, before[0], before[1], px, py, line);
    else drawDotInto(canvas, px, py, line);
    before = [px, py];
    if (mark !== undefined && (marksAll || k === curve.x.length - 1)) {
      drawMarkInto(canvas, px, py, mark, line);
    }
  }
}

function rangeOf(values: readonly number[]): Range | undefined {
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? { least, most } : undefined;
}

/** Ends that differ by less are one number: between them float64 has too few others for ticks. */
const FLAT = 1e-300;

/** A little room above and below; a flat line runs in the middle. */
function padded({ least, most }: Range): Range {
  const room = most - least > FLAT ? 0.04 * (most - least) : Math.max(Math.abs(most) * 0.1, 1e-6);
  return { least: least - room, most: most + room };
}

/** Round values between the ends, about one for every four rows, at least two if the axis allows. */
function ticksOf({ least, most }: Range, rowCount: number, logScale: boolean): number[] {
  const wanted = Math.max(2, Math.floor(rowCount / 3));
  if (logScale) {
    const decades = multiplesOf(Math.max(1, Math.ceil((most - least) / wanted)), least, most);
    if (decades.length >= 2) return decades;
    const inBetween = decades.flatMap((d) => [1, 2, 5].map((m) => d + Math.log10(m)));
    const below = [1, 2, 5].map((m) => Math.floor(least) + Math.log10(m));
    const fine = [...new Set([...below, ...inBetween])].filter((tick) => tick >= least && tick <= most);
    if (fine.length >= 2) return fine.slice(0, wanted + 1);
    return [least, most].map((end, k) => end + (k === 0 ? 1 : -1) * 0.02 * (most - least));
  }
  const rough = (most - least) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const distance = (step: number) => Math.abs(Math.log(step / rough));
  const steps = [0.5, 1, 2, 2.5, 5, 10].map((m) => m * power).sort((a, b) => distance(a) - distance(b));
  // the nearest that gives two ticks; the smallest does always
  const ticks = steps.map((step) => multiplesOf(step, least, most));
  return ticks.find((candidate) => candidate.length >= 2) ?? ticks[0]!;
}

/** Ticks are round: 1e20, not 1.00e+20. */
function tickText(value: number, digits: number): string {
  return formatMeasure(value, digits)
    .replace(/(\.\d*?)0+e/, "$1e")
    .replace(/\.?e\+?/, "e");
}

/** The least number of digits that makes all ticks different, at least three. */
function labelsOf(values: readonly number[], format: (value: number, digits: number) => string): string[] {
  for (let digits = 3; ; digits++) {
    const labels = values.map((value) => format(value, digits));
    if (new Set(labels).size === values.length || digits === MOST_DIGITS) return labels;
  }
}

function multiplesOf(step: number, least: number, most: number): number[] {
  const first = Math.ceil(least / step);
  const count = Math.max(0, Math.floor(most / step) - first + 1);
  // multiplied, not added up, and rounded: 0.3 and not 0.30000000000000004
  return Array.from({ length: count }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

function rowOf(tick: number, { least, most }: Range, rowCount: number): number {
  return Math.min(rowCount - 1, Math.max(0, Math.floor(((most - tick) / (most - least)) * rowCount)));
}

interface XAxis extends Required<Pick<PlotOptions, "xName">> {
  readonly labelWidth: number;
  readonly plotWidth: number;
  readonly format: (value: number) => string;
  readonly cursor: number | undefined;
}

function xAxis(x: Range, { labelWidth, plotWidth, xName, format, cursor }: XAxis): StyledRow[] {
  const left = " ".repeat(labelWidth + 1);
  // a single place has one label
  const isPoint = x.least === x.most;
  const first = isPoint ? "" : format(x.least);
  const last = `${xName} ${format(x.most)}`;
  const middle = format((x.least + x.most) / 2);
  const free = plotWidth - textWidth(first) - textWidth(last);
  const side = Math.floor(plotWidth / 2) - textWidth(first) - Math.floor(textWidth(middle) / 2);
  const isWide =
    !isPoint &&
    (format !== formatShortCount || x.most - x.least >= 10) &&
    side > 2 &&
    free - side - textWidth(middle) > 2;
  const between = isWide
    ? " ".repeat(side) + middle + " ".repeat(free - side - textWidth(middle))
    : " ".repeat(isPoint ? 0 : Math.max(1, free));
  return [
    [{ text: `${left}└${axisLine(plotWidth, cursor)}`, colour: COLOURS.faint }],
    [{ text: fit(`${left} ${first}${between}${last}`, labelWidth + 2 + plotWidth), colour: COLOURS.faint }],
  ];
}

function axisLine(width: number, cursor: number | undefined): string {
  const line = "─".repeat(width);
  return cursor === undefined ? line : `${line.slice(0, cursor)}┴${line.slice(cursor + 1)}`;
}

function noPlot(width: number, height: number): Plot {
  return { rows: blank(width, height), xAt: () => undefined };
}

function blank(width: number, height: number): StyledRow[] {
  return Array.from({ length: height }, () => [{ text: " ".repeat(width) }]);
}
