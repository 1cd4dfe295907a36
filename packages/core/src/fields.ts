/**
 * Checks of the fields of documents: files of a run folder are untrusted input.
 * A check returns the value in the form to be used, or undefined if it is not usable. It runs for every field of
 * every event, so it allocates nothing.
 */

export type Check<T> = (value: unknown) => T | undefined;
/** Checks of fields by their names. */
type AnyFields = Readonly<Record<string, Check<unknown> | OptionalCheck<unknown>>>;
/** The type of an object that passes these checks. */
export type Described<F extends AnyFields> = Flat<
  { readonly [K in keyof F as F[K] extends OptionalCheck<unknown> ? never : K]: Passing<F[K]> } & {
    readonly [K in keyof F as F[K] extends OptionalCheck<unknown> ? K : never]?: Passing<F[K]>;
  }
>;
type Passing<C> = C extends Check<infer T> | OptionalCheck<infer T> ? T : never;
type Flat<T> = { [K in keyof T]: T[K] };

/**
 * A check for every field of a type that is declared elsewhere, including optional ones: the compiler reports a
 * missing field.
 */
export type Fields<T> = { readonly [K in keyof Required<T>]: Check<T[K]> | OptionalCheck<T[K]> };

export interface OptionalCheck<T> {
  readonly optional: Check<T>;
}

/** The field may be absent; a present value must pass. null counts as absent: other programs write NaN so. */
export function optional<T>(check: Check<T>): OptionalCheck<T> {
  return { optional: check };
}

/** A whole number from `least` to `most`; by default up to the greatest safe integer. */
export function whole(least = 0, most = Number.MAX_SAFE_INTEGER): Check<number> {
  return (value) =>
    typeof value === "number" && value >= least && value <= most && Number.isInteger(value)
      ? value
      : undefined;
}

const NON_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Infinity,
  "-Infinity": -Infinity,
};

/** Any number; "NaN", "Infinity" and "-Infinity" for those that JSON lacks, and null for NaN. */
export const anyNumber: Check<number> = (value) => {
  if (typeof value === "number") return value;
  if (value === null) return Number.NaN;
  return typeof value === "string" && Object.hasOwn(NON_FINITE, value) ? NON_FINITE[value] : undefined;
};

/** A number from `least` to `most`, or NaN for unknown. */
export function within(least: number, most: number): Check<number> {
  return (value) => {
    const number = anyNumber(value);
    return number !== undefined && (number < least || number > most) ? undefined : number;
  };
}

/** A part of a whole. Sums of parts may exceed 1 by rounding. */
export const fraction = within(0, 1 + 1e-9);

/** The greatest time of a Date, in milliseconds. */
const DATE_LIMIT_MS = 8.64e15;
export const duration = within(0, DATE_LIMIT_MS);
/** Milliseconds since the epoch, within the range of Date. */
export const moment: Check<number> = (value) =>
  typeof value === "number" && Math.abs(value) <= DATE_LIMIT_MS ? value : undefined;

/** A text of at most `limit` UTF-16 units. */
export function text(limit: number): Check<string> {
  return (value) => (typeof value === "string" && value.length <= limit ? value : undefined);
}

/** UTF-16 units of a name, and of a message or of the reason of a failure. */
const NAME_LIMIT = 1000;
export const MESSAGE_LIMIT = 20_000;
export const name = text(NAME_LIMIT);
export const message = text(MESSAGE_LIMIT);

/** One of these words. */
export function oneOf<T extends string>(words: readonly T[]): Check<T> {
  return (value) => (words.includes(value as T) ? (value as T) : undefined);
}

/** A list of at most `limit` entries; converted entries are replaced in place. */
export function list<T>(check: Check<T>, limit: number): Check<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > limit) return undefined;
    for (let k = 0; k < value.length; k++) {
      const given: unknown = value[k];
      const item = check(given);
      if (item === undefined) return undefined;
      if (item !== given) value[k] = item;
    }
    return value as T[];
  };
}

/** An object with these fields; converted fields are replaced in place, unknown fields stay. */
export function record<F extends AnyFields>(fields: F): Check<Described<F>>;
export function record<T>(fields: Fields<T>): Check<T>;
export function record(fields: AnyFields): Check<unknown> {
  const entries = Object.entries(fields).map(([key, check]) =>
    typeof check === "function"
      ? { key, check, isOptional: false }
      : { key, check: check.optional, isOptional: true },
  );
  return (value) => {
    if (!isRecord(value)) return undefined;
    for (const { key, check, isOptional } of entries) {
      const given = value[key];
      if (isOptional && given === undefined) continue;
      if (isOptional && given === null) {
        delete value[key];
        continue;
      }
      const field = check(given);
      if (field === undefined) return undefined;
      if (field !== given) value[key] = field;
    }
    return value;
  };
}

/** Settings: any JSON object of limited depth. */
export const settings: Check<Readonly<Record<string, unknown>>> = (value) =>
  isRecord(value) && depthWithin(value, 16) ? value : undefined;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function depthWithin(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => depthWithin(inner, depth - 1));
}
