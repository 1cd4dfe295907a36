/**
 * A curve of any length in bounded memory: the whole of it as means over growing strides, and its last points
 * unchanged. Appending is amortised O(1). Older histories stay valid, since arrays only grow behind their length.
 */

/** Points in rising order of x. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface History {
  /** Number of points ever appended. */
  readonly count: number;
  /** Number of points in one mean of `full`; a power of two. */
  readonly stride: number;
  /** Means in order; x is the last of the stride. Only the first `fullLength` belong to this history. */
  readonly full: { readonly x: number[]; readonly y: number[] };
  readonly fullLength: number;
  /** Points after the last whole stride: their sum, number and last x. */
  readonly pendingSum: number;
  readonly pendingCount: number;
  readonly pendingX: number;
  /** The last points. Only the first `recentLength` belong to this history. */
  readonly recent: { readonly x: number[]; readonly y: number[] };
  readonly recentLength: number;
}

/** `full` holds at most this many means, and at least half of it once there were so many points. */
export const FULL_CAPACITY = 1024;
/** `recent` gives this many last points. */
export const RECENT_COUNT = 512;

export const EMPTY_HISTORY: History = {
  count: 0,
  stride: 1,
  full: { x: [], y: [] },
  fullLength: 0,
  pendingSum: 0,
  pendingCount: 0,
  pendingX: 0,
  recent: { x: [], y: [] },
  recentLength: 0,
};

/** The history with one point more. A y that is no number is kept in `recent` and makes its stride's mean NaN. */
export function appendPoint(history: History, x: number, y: number): History {
  const trimmed = history.recentLength < 2 * RECENT_COUNT ? history.recent : lastPoints(history);
  const recentLength = trimmed === history.recent ? history.recentLength : trimmed.x.length;
  const sum = history.pendingSum + y;
  const count = history.pendingCount + 1;
  const whole = count === history.stride;
  const next: History = {
    count: history.count + 1,
    stride: history.stride,
    full: whole ? appended(history.full, history.fullLength, x, sum / count) : history.full,
    fullLength: history.fullLength + (whole ? 1 : 0),
    pendingSum: whole ? 0 : sum,
    pendingCount: whole ? 0 : count,
    pendingX: x,
    recent: appended(trimmed, recentLength, x, y),
    recentLength: recentLength + 1,
  };
  return next.fullLength === FULL_CAPACITY ? halved(next) : next;
}

/** The whole curve, thinned to at most {@link FULL_CAPACITY} means. */
export function fullCurve(history: History): Curve {
  const x = history.full.x.slice(0, history.fullLength);
  const y = history.full.y.slice(0, history.fullLength);
  if (history.pendingCount > 0) {
    x.push(history.pendingX);
    y.push(history.pendingSum / history.pendingCount);
  }
  return { x, y };
}

/** The last {@link RECENT_COUNT} points, or all if there are fewer. */
export function recentCurve(history: History): Curve {
  const start = Math.max(0, history.recentLength - RECENT_COUNT);
  return {
    x: history.recent.x.slice(start, history.recentLength),
    y: history.recent.y.slice(start, history.recentLength),
  };
}

/** One point less than `recent` gives, so that one more makes it full. */
function lastPoints(history: History): History["recent"] {
  const start = history.recentLength - RECENT_COUNT + 1;
  return {
    x: history.recent.x.slice(start, history.recentLength),
    y: history.recent.y.slice(start, history.recentLength),
  };
}

/** Extends the arrays in place if no other history has extended them, else copies. */
function appended(points: History["full"], length: number, x: number, y: number): History["full"] {
  const owner =
    points.x.length === length && length > 0
      ? points
      : { x: points.x.slice(0, length), y: points.y.slice(0, length) };
  owner.x.push(x);
  owner.y.push(y);
  return owner;
}

function halved(history: History): History {
  const x: number[] = [];
  const y: number[] = [];
  for (let k = 0; k + 1 < history.fullLength; k += 2) {
    x.push(history.full.x[k + 1]!);
    y.push((history.full.y[k]! + history.full.y[k + 1]!) / 2);
  }
  return { ...history, stride: 2 * history.stride, full: { x, y }, fullLength: x.length };
}
