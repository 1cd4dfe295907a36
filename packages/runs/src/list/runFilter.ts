/**
 * Runs chosen by conditions such as `method=phew`, `density<0.1`, `state=failed,lost`, `tag!=old`: those that meet all.
 *
 *   = !=        one of the values, by commas; none of them. Of tags: whether the run has one
 *   < <= > >=   numbers, fractions (also as 5%) and moments (2026-11-30, 2026-11-30T08:00)
 *   ~ !~        has the letters in it, large or small
 *
 * A run that does not have the field meets `!=` and `!~` alone.
 */
import { ArgumentError, unknownName } from "@phew/core/messages";
import type { FieldValue, KeptRun, RunField, RunFieldTable } from "./runFields.ts";

type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~";

const FILTER = /^([A-Za-z][\w.-]*)\s*(!=|!~|<=|>=|=|<|>|~)\s*(.*)$/s;
const ORDERS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

export type RunFilter = (run: KeptRun) => boolean;

/** True of a text that has the form of a condition, whatever its name. */
export function isFilter(text: string): boolean {
  return FILTER.test(text);
}

/** @throws ArgumentError where a text is no condition, names nothing, or compares with what cannot be compared */
export function parseFilters(texts: readonly string[], fields: RunFieldTable): RunFilter {
  const filters = texts.map((text) => parseFilter(text, fields));
  return (run) => filters.every((passes) => passes(run));
}

/**
 * Those of the conditions that can be used: while one is typed, it cannot.
 * @returns with `fault`, what to do about the last of the others, in few words
 */
export function usableFilters(
  texts: readonly string[],
  fields: RunFieldTable,
): { readonly passes: RunFilter; readonly fault?: string } {
  let fault: string | undefined;
  const all = texts.flatMap((text): RunFilter[] => {
    try {
      return [parseFilters([text], fields)];
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      const { remedy } = error.fault;
      fault = remedy === undefined ? error.message : `${error.subject}: ${remedy}`;
      return [];
    }
  });
  const passes: RunFilter = (run) => all.every((each) => each(run));
  return fault === undefined ? { passes } : { passes, fault };
}

function parseFilter(text: string, fields: RunFieldTable): RunFilter {
  const [, name, operator, right] = text.match(FILTER) ?? [];
  if (name === undefined) {
    throw new ArgumentError("filter", {
      given: JSON.stringify(text),
      expected: "a name, one of = != < <= > >= ~ !~, and a value, such as method=phew or 'density<0.1'",
    });
  }
  const field = fields.named(`filter "${text}"`, name);
  const passes = conditionOf(text, field, operator as Operator, right!.trim());
  return (run) => passes(field.valueOf(run));
}

function conditionOf(
  text: string,
  field: RunField,
  operator: Operator,
  right: string,
): (value: FieldValue) => boolean {
  if (operator.startsWith("!")) {
    const passes = conditionOf(text, field, operator.slice(1) as Operator, right);
    return (value) => !passes(value);
  }
  const order = ORDERS[operator];
  if (order !== undefined) {
    const bound = numberOf(right, field);
    if (bound === undefined) throw noNumber(text, field, right);
    return (value) => typeof value === "number" && order(value, bound);
  }
  if (operator === "~") {
    const letters = right.toLowerCase();
    return (value) => textsOf(value).some((each) => each.toLowerCase().includes(letters));
  }
  const wanted = [right, ...right.split(",").map((part) => part.trim())];
  for (const part of field.choices === undefined ? [] : right.split(",").map((each) => each.trim()))
    if (!field.choices!.includes(part)) throw unknownName(`filter "${text}"`, part, field.choices!);
  const numbers = wanted.flatMap((part) => numberOf(part, field) ?? []);
  return (value) =>
    typeof value === "number"
      ? numbers.includes(value)
      : textsOf(value).some((each) => wanted.includes(each));
}

/** `0.05`; of a fraction `5%` too, of a moment a date. */
function numberOf(text: string, { unit }: RunField): number | undefined {
  if (text === "") return undefined;
  if (unit === "moment") {
    const t = Date.parse(text);
    return Number.isNaN(t) ? undefined : t;
  }
  const isPercent = unit === "fraction" && text.endsWith("%");
  const value = Number(isPercent ? text.slice(0, -1) : text);
  if (!Number.isFinite(value) || text === "%") return undefined;
  // without the digits that are the computer's: 7 / 100 is 0.07, and 0.7 / 100 is not 0.007
  return isPercent ? Number((value / 100).toPrecision(12)) : value;
}

function textsOf(value: FieldValue): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "object" ? value : [`${value}`];
}

function noNumber(text: string, { unit }: RunField, right: string): ArgumentError {
  return new ArgumentError(`filter "${text}"`, {
    given: JSON.stringify(right),
    expected: unit === "moment" ? "a date such as 2026-11-30 or 2026-11-30T08:00" : "a number",
  });
}

/**
 * In the order of fields, each upwards or with `-` before it downwards; runs without the field come last, equal ones stay
 * in their order.
 * @param keys such as `["method", "-accuracy"]`
 * @throws ArgumentError for an unknown one
 */
export function sortRuns<Run extends KeptRun>(
  runs: readonly Run[],
  keys: readonly string[],
  fields: RunFieldTable,
): Run[] {
  const orders = keys.map((key) => {
    const isDown = key.startsWith("-");
    return { field: fields.named("--sort", isDown ? key.slice(1) : key), sign: isDown ? -1 : 1 };
  });
  return [...runs].sort((a, b) => {
    for (const { field, sign } of orders) {
      const order = compared(field.valueOf(a), field.valueOf(b), sign);
      if (order !== 0) return order;
    }
    return 0;
  });
}

function compared(a: FieldValue, b: FieldValue, sign: number): number {
  if (isAbsent(a) || isAbsent(b)) return Number(isAbsent(a)) - Number(isAbsent(b));
  if (typeof a === "number" && typeof b === "number") return sign * (a - b);
  const [left, right] = [`${a}`, `${b}`];
  return left === right ? 0 : sign * (left < right ? -1 : 1);
}

const isAbsent = (value: FieldValue) =>
  value === undefined || (typeof value === "object" && value.length === 0);
