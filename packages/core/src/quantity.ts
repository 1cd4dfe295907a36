/**
 * Numbers, fractions and times in words, for all packages. Numbers that are not finite are written "–", except by
 * {@link counted}, with which errors quote what was given.
 */

const NOTHING = "–";

/** 61470 → "61,470". */
export function formatCount(count: number): string {
  return Number.isFinite(count) ? unsigned(Math.round(count).toLocaleString("en-GB")) : NOTHING;
}

/**
 * A number of things: "1 epoch", "61,470 weights". Numbers that are not safe integers are written as they are: "NaN
 * weights", "1.5 groups", "1e+308 bytes".
 * @param plural if it is not the noun with an s: `counted(2, "entry", "entries")`
 */
export function counted(count: number | bigint, noun: string, plural = `${noun}s`): string {
  const isWhole = typeof count === "number" && Number.isSafeInteger(count);
  const number =
    typeof count === "bigint" ? count.toLocaleString("en-GB") : isWhole ? formatCount(count) : `${count}`;
  return `${number} ${Number(count) === 1 ? noun : plural}`;
}

/** At most five characters: 987 → "987", 61470 → "61.5k", 20034216 → "20.0M". */
export function formatShortCount(count: number): string {
  if (!Number.isFinite(count)) return NOTHING;
  if (Math.abs(count) < 999.5) return `${Math.round(count)}`;
  const units = ["k", "M", "G", "T"];
  let value = count / 1000;
  let u = 0;
  while (Math.abs(value) >= 999.5 && u < units.length - 1) {
    value /= 1000;
    u++;
  }
  return `${value.toFixed(Math.abs(value) < 99.95 ? 1 : 0)}${units[u]}`;
}

/**
 * A fraction as a percentage of at most `digits` significant digits, integer digits always complete: 0.05 → "5 %",
 * 0.0502 → "5.02 %".
 */
export function formatPercent(fraction: number, digits = 3): string {
  return Number.isFinite(100 * fraction) ? `${significant(100 * fraction, digits)} %` : NOTHING;
}

/** A fraction as a percentage with one decimal, so that columns align: 0.9312 → "93.1 %". */
export function formatAccuracy(fraction: number): string {
  return Number.isFinite(100 * fraction) ? `${unsigned((100 * fraction).toFixed(1))} %` : NOTHING;
}

/** Millions of bytes: 198304512 → "198 MB", 61184 → "0.0612 MB". */
export function formatMegabytes(bytes: number): string {
  return `${formatMeasure(bytes / 1e6)} MB`;
}

/**
 * Significant digits, with an exponent below 0.001 and from 100,000: 0.0324, 1.27e-7, 43,100.
 * @param log10 of the number, if float64 may not hold it and `value` is then 0 or Infinity: 1.27e-412
 */
export function formatMeasure(value: number, digits = 3, log10?: number): string {
  if (log10 !== undefined && Number.isFinite(log10) && !(value > 0 && value < Infinity)) {
    return powerOfTen(log10, digits);
  }
  if (!Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(digits - 1);
  return size >= 999.5 ? formatCount(value) : significant(value, digits);
}

function powerOfTen(log10: number, digits: number): string {
  const exponent = Math.floor(log10);
  const mantissa = (10 ** (log10 - exponent)).toFixed(digits - 1);
  // 9.999 is rounded to 10
  const [shown, power] = mantissa.startsWith("10")
    ? [(1).toFixed(digits - 1), exponent + 1]
    : [mantissa, exponent];
  return `${shown}e${power < 0 ? "" : "+"}${power}`;
}

/** Milliseconds: "12 ms", "3.4 s", "2:05 min", "1:02:05 h"; from 10,000 hours on "43,100 h". */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return NOTHING;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const s = pad(seconds % 60);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${s} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 10_000 ? `${hours}:${pad(minutes % 60)}:${s} h` : `${formatMeasure(hours)} h`;
}

/** An estimate, to whole seconds: "8 s", "2:05 min", "1:02:05 h". */
export function formatEta(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 60 ? `${seconds} s` : formatDuration(1000 * seconds);
}

/** Local time of day of a moment in milliseconds since the epoch: "14:03:09". */
export function formatClock(t: number): string {
  const date = new Date(t);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** Local date and time of a moment in milliseconds since the epoch: "2026-11-30 14:03:09". */
export function formatMoment(t: number): string {
  const date = new Date(t);
  if (Number.isNaN(date.getTime())) return NOTHING;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${formatClock(t)}`;
}

function significant(value: number, digits: number): string {
  const text = value.toPrecision(digits);
  const plain = text.includes("e") ? `${Number(text)}` : text;
  return plain.includes(".") ? plain.replace(/\.?0+$/, "") : plain;
}

/** Zero has no sign. */
function unsigned(text: string): string {
  return Number(text) === 0 ? text.replace("-", "") : text;
}

function pad(value: number): string {
  return `${value}`.padStart(2, "0");
}
