/** The faults that a zod schema finds, as one ArgumentError: position in the file, given value, expected value. */
import { ArgumentError, type ArgumentFault, nearestName } from "@phew/core/messages";
import { z } from "zod";

const SHOWN_LENGTH = 60;

/** What is wrong with a name that a schema does not have, where more is known of it. @param place of the object that has it: `grid` */
export type UnknownName = (name: string, value: unknown, place: string) => ArgumentFault | undefined;

/**
 * The value itself, for a schema without transformations.
 * @param subject file or option, as the user knows it
 * @throws ArgumentError for the first fault, naming the positions of the others
 */
export function requireShape<T extends z.ZodType>(
  subject: string,
  schema: T,
  value: unknown,
  unknownName: UnknownName = () => undefined,
): z.infer<T> {
  const { error } = schema.safeParse(value);
  // not what zod read: that has the order of the schema
  if (error === undefined) return value as z.infer<T>;
  const [issue, ...others] = error.issues;
  const { place, fault } = describe(schema, value, issue!, unknownName);
  const more = [...new Set(others.map(({ path }) => pathText(path) || "the file"))].filter(
    (p) => p !== place,
  );
  const rest =
    more.length === 0 ? "" : `Also at fault: ${more.slice(0, 5).join(", ")}${more.length > 5 ? ", …" : ""}.`;
  const remedy = [fault.remedy, rest].filter(Boolean).join(" ");
  throw new ArgumentError(place === "" ? subject : `${subject}: ${place}`, {
    given: fault.given,
    expected: fault.expected,
    remedy: remedy || undefined,
  });
}

type Issue = z.core.$ZodIssue;
interface Described {
  readonly place: string;
  readonly fault: ArgumentFault;
}

function describe(schema: z.ZodType, value: unknown, issue: Issue, unknownName: UnknownName): Described {
  const place = pathText(issue.path);
  const at = schemaAt(schema, issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = at instanceof z.ZodObject ? Object.keys(at.shape) : [];
    const [key] = issue.keys as [string];
    const better = unknownName(key, valueAt(value, [...issue.path, key]), place);
    return {
      place: place === "" ? key : `${place}.${key}`,
      fault: better ?? {
        given: "an unknown name",
        expected: `one of ${known.join(", ")}`,
        ...didYouMean(key, known),
      },
    };
  }
  const given = shown(valueAt(value, issue.path));
  if (issue.code === "invalid_value") {
    const known = issue.values.map(String);
    const word = valueAt(value, issue.path);
    const hint = typeof word === "string" ? didYouMean(word, known) : {};
    return { place, fault: { given, expected: `one of ${known.join(", ")}`, ...hint } };
  }
  const expected = at?.description ?? issue.message;
  const word = valueAt(value, issue.path);
  const hint = typeof word === "string" ? didYouMean(word, namesAmong(at)) : {};
  return { place, fault: { given, expected, ...hint } };
}

/** The names that a schema of several allows. */
function namesAmong(schema: z.ZodType | undefined): string[] {
  if (!(schema instanceof z.ZodUnion)) return [];
  return schema.options.flatMap((option) => (option instanceof z.ZodEnum ? option.options.map(String) : []));
}

function didYouMean(word: string, known: readonly string[]): { remedy?: string } {
  const nearest = nearestName(word, known);
  return nearest === undefined ? {} : { remedy: `Did you mean "${nearest}"?` };
}

/** The schema at a path; undefined if there is none. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let at: unknown = schema;
  for (const step of path) {
    const inner = unwrapped(at);
    if (inner instanceof z.ZodObject) at = inner.shape[step as string];
    else if (inner instanceof z.ZodArray) at = inner.element;
    else return at instanceof z.ZodType ? at : undefined;
  }
  const description = at instanceof z.ZodType ? at.description : undefined;
  const inner = unwrapped(at);
  if (!(inner instanceof z.ZodType)) return undefined;
  return description === undefined || inner instanceof z.ZodObject ? inner : inner.describe(description);
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable
    ? unwrapped(schema.unwrap())
    : schema;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return at;
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

/** `grid.density[1]` */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );
}
