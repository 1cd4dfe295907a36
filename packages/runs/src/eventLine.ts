/**
 * One event per line of `events.jsonl`; numbers that JSON lacks are written as "NaN", "Infinity" and "-Infinity". The
 * fields of a parsed event have the types of core's events.ts.
 */
import { type Check, isRecord, moment, record } from "@phew/core/fields";
import { EVENT_FIELDS, type TimedRunEvent } from "@phew/core/messages";

const CHECKS: ReadonlyMap<string, Check<unknown>> = new Map(
  Object.entries(EVENT_FIELDS).map(([kind, fields]) => [kind, record(fields)]),
);

/** The event as one line, line break included. */
export function writeEventLine(event: TimedRunEvent): string {
  const { t, kind, ...rest } = event;
  return `${JSON.stringify({ t, kind, ...rest }, nonFiniteAsText)}\n`;
}

/**
 * The event of a line; undefined for a half line, an unknown kind, or a field that is missing, of another type or out of
 * its range.
 */
export function parseEventLine(line: string): TimedRunEvent | undefined {
  const event = parseObject(line);
  if (event === undefined || moment(event.t) === undefined) return undefined;
  return CHECKS.get(event.kind as string)?.(event) as TimedRunEvent | undefined;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function nonFiniteAsText(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
