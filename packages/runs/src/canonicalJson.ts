/** One text for one configuration: the folder of a run is named by it. */
import { createHash } from "node:crypto";
import { ArgumentError } from "@phew/core/messages";

/** Any JSON object: method, density, model, and all else that determines what a run computes. */
export type RunConfig = Readonly<Record<string, unknown>>;

const HASH_LENGTH = 10;

/**
 * JSON with the keys of every object sorted and no white space; entries that are undefined are left out, -0 is 0.
 * @throws ArgumentError for what JSON cannot hold: NaN, infinities, functions, class instances
 */
export function canonicalJson(value: unknown): string {
  return writeValue(value, "configuration");
}

/**
 * First 10 hex digits of the SHA-256 of the canonical JSON of what differs from the defaults, the seed left out.
 * A setting given at its default value and one not given are the same run.
 */
export function configHash(config: RunConfig, defaults: RunConfig): string {
  const { seed: _, ...rest } = nonDefaults(config, defaults);
  return createHash("sha256").update(canonicalJson(rest)).digest("hex").slice(0, HASH_LENGTH);
}

/** The settings whose value is not the default one; nested objects are compared as a whole. */
export function nonDefaults(config: RunConfig, defaults: RunConfig): RunConfig {
  return Object.fromEntries(
    Object.entries(config).filter(
      ([key, value]) =>
        value !== undefined &&
        (!Object.hasOwn(defaults, key) || canonicalJson(value) !== canonicalJson(defaults[key] ?? null)),
    ),
  );
}

function writeValue(value: unknown, path: string): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (Number.isFinite(value)) return JSON.stringify(value);
      break;
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) {
        return `[${value.map((item, index) => writeValue(item, `${path}[${index}]`)).join(",")}]`;
      }
      if (isPlain(value)) return writeObject(value, path);
      break;
  }
  throw new ArgumentError(path, {
    given: typeof value === "object" ? "an object of a class" : String(value),
    expected:
      "what JSON can hold: a finite number, a text, true, false, null, or lists and plain objects of these",
  });
}

function writeObject(object: object, path: string): string {
  const entries = Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const members = entries.map(
    ([key, value]) => `${JSON.stringify(key)}:${writeValue(value, `${path}.${key}`)}`,
  );
  return `{${members.join(",")}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
