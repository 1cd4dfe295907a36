/** Parsers of option values: text in, a checked value out. @throws UsageError naming the option */
import { formatPercent, nearestName } from "@phew/core";
import { UsageError } from "./failure.ts";

/** `0.05`; a percentage is refused with the number that was meant. */
export function density(option: string) {
  return (text: string): number => densityOf(option, text);
}

function densityOf(option: string, text: string): number {
  const percent = text.match(/^\s*([\d.]+)\s*%\s*$/);
  const value = Number(text);
  const fraction = percent
    ? fractionOf(percent[1]!)
    : value > 1 && value <= 100
      ? fractionOf(text)
      : undefined;
  if (text.trim() === "" || !(value > 0 && value <= 1)) {
    throw new UsageError(option, {
      given: `"${text}"`,
      expected: "the fraction of weights kept, above 0 and at most 1",
      ...(text.includes(",") && { remedy: "One of them: phew prune, compare and sweep take several." }),
      ...(fraction !== undefined && fraction > 0 && fraction <= 1
        ? { remedy: `For ${formatPercent(fraction, 12)} pass ${fraction}.` }
        : {}),
    });
  }
  return value;
}

/** The fraction of a percentage without rounding errors: 0.7 / 100 would be 0.006999999999999999. */
function fractionOf(percent: string): number {
  return Number((Number(percent) / 100).toPrecision(12));
}

/** Comma-separated densities: `0.1,0.05,0.02`. */
export function densities(text: string): number[] {
  return text.split(",").map(density("--density"));
}

export function wholeNumber(option: string, least: number, most: number = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least || value > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new UsageError(option, { given: `"${text}"`, expected: `a whole number ${range}` });
    }
    return value;
  };
}

export function realNumber(option: string, least: number, most: number = Number.POSITIVE_INFINITY) {
  return (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most) {
      const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new UsageError(option, { given: `"${text}"`, expected: `a number ${range}` });
    }
    return value;
  };
}

/** Comma-separated: `1,64`. */
export function wholeNumbers(option: string, least: number, most?: number) {
  const parseOne = wholeNumber(option, least, most);
  return (text: string): number[] => text.split(",").map(parseOne);
}

/** `0..4`, or `0,3,7`; at most 10,000. */
export function seeds(text: string): number[] {
  const range = text.match(/^\s*(\d+)\s*\.\.\s*(\d+)\s*$/);
  const [first, last] = range ? [Number(range[1]), Number(range[2])] : [0, 0];
  const values = range
    ? Array.from({ length: Math.max(0, Math.min(10_001, last - first + 1)) }, (_, k) => first + k)
    : wholeNumbers("--seed", 0)(text);
  if (values.length === 0 || values.length > 10_000 || !Number.isSafeInteger(last)) {
    throw new UsageError("--seed", {
      given: `"${text}"`,
      expected: "whole numbers such as 0..4 or 0,3,7, at most 10,000 of them",
    });
  }
  return [...new Set(values)];
}

/** `16x32x32-16` of a convolution, `784-300` of a dense layer. */
export function layerShape(text: string): { inputShape: number[]; outCount: number } {
  const [input = "", out = "", ...rest] = text.split("-");
  const inputShape = input.split(/[,x×]/).map(Number);
  const outCount = Number(out);
  const whole = [...inputShape, outCount].every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 1e6);
  if (rest.length > 0 || !(inputShape.length === 1 || inputShape.length === 3) || !whole) {
    throw new UsageError("--shape", {
      given: `"${text}"`,
      expected: "what goes in and how much comes out, such as 16x32x32-16 or 784-300",
    });
  }
  return { inputShape, outCount };
}

/** `3,224,224` or `784`. */
export function shape(text: string): number[] {
  const lengths = text.split(/[,x×]/).map(Number);
  if (
    !(lengths.length === 1 || lengths.length === 3) ||
    !lengths.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 1e6)
  ) {
    throw new UsageError("--input", {
      given: `"${text}"`,
      expected: "channels,height,width or a number of features, such as 3,32,32 or 784",
    });
  }
  return lengths;
}

/** A number above 0, or a fraction of two: `0.5`, `1/255`. */
export function factor(option: string) {
  return (text: string): number => {
    const parts = text.split("/");
    const [over = Number.NaN, under = 1] = parts.map((part) =>
      part.trim() === "" ? Number.NaN : Number(part),
    );
    const value = over / under;
    if (parts.length <= 2 && Number.isFinite(value) && value > 0) return value;
    throw new UsageError(option, {
      given: `"${text}"`,
      expected: "a number above 0 or a fraction, such as 0.001 or 1/255",
    });
  };
}

/** Fractions of the run, rising: `0.5,0.75`; `none` for no drop. */
export function fractions(option: string) {
  return (text: string): number[] => {
    if (text === "none") return [];
    const values = text.split(",").map(Number);
    const rising = values.every((v, k) => v > 0 && v < 1 && (k === 0 || v > values[k - 1]!));
    if (!rising)
      throw new UsageError(option, {
        given: `"${text}"`,
        expected: "rising fractions between 0 and 1, such as 0.5,0.75, or none",
      });
    return values;
  };
}

/** One number for each channel. @param least what each is to be greater than */
export function channels(option: string, least = -Infinity) {
  return (text: string): number[] => {
    const values = text.split(",").map((value) => (value.trim() === "" ? Number.NaN : Number(value)));
    if (values.every((value) => Number.isFinite(value) && value > least)) return values;
    throw new UsageError(option, {
      given: `"${text}"`,
      expected: `numbers${least === 0 ? " above 0" : ""}, one for each channel, such as 0.485,0.456,0.406`,
    });
  };
}

export function matching(option: string, pattern: RegExp, expected: string) {
  return (text: string): string => {
    if (pattern.test(text)) return text;
    throw new UsageError(option, { given: `"${text}"`, expected });
  };
}

export function oneOf(option: string, choices: readonly string[]) {
  const read = (text: string): string => {
    if (choices.includes(text)) return text;
    const nearest = nearestName(text, choices);
    throw new UsageError(option, {
      given: `"${text}"`,
      expected: `one of ${choices.join(", ")}`,
      remedy: nearest && `Did you mean "${nearest}"?`,
    });
  };
  return Object.assign(read, { choices });
}

/** Comma-separated, each one of `choices`. */
export function severalOf(option: string, choices: readonly string[]) {
  const parseOne = oneOf(option, choices);
  const read = (text: string): string[] => [...new Set(text.split(",").map((part) => parseOne(part.trim())))];
  return Object.assign(read, { choices });
}

/** Comma-separated paths, collected over repeated options; empty ones are left out. */
export function files(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").filter((file) => file !== "")];
}

/** `name=value`, collected: `--option branching=weight --option granularity=kernel`. Values become numbers, flags or words. */
export function assignments(option: string, example: string) {
  return (text: string, before: Record<string, string | number | boolean> = {}) => {
    const at = text.indexOf("=");
    if (at <= 0)
      throw new UsageError(option, { given: `"${text}"`, expected: `name=value, such as ${example}` });
    const value = text.slice(at + 1);
    const parsed =
      value === "true"
        ? true
        : value === "false"
          ? false
          : value.trim() !== "" && Number.isFinite(Number(value))
            ? Number(value)
            : value;
    return { ...before, [text.slice(0, at)]: parsed };
  };
}

/** Collects the values of a repeated option. */
export function repeated(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `1.5h`, `2d`, as milliseconds; `none` is Infinity. */
export function duration(option: string) {
  return (text: string): number => {
    if (text === "none") return Number.POSITIVE_INFINITY;
    const [, number, unit] = text.match(/^\s*(\d+(?:\.\d+)?)\s*([smhd])\s*$/) ?? [];
    const ms = Number(number) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
    if (ms > 0 && Number.isFinite(ms)) return ms;
    throw new UsageError(option, {
      given: `"${text}"`,
      expected: "a time such as 90s, 10m, 2h or 1d, or none",
    });
  };
}
