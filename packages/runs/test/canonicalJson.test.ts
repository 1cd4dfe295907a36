import { canonicalJson, configHash, nonDefaults } from "@phew/runs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const json = fc.jsonValue({ maxDepth: 4 });
const config = fc.dictionary(fc.string(), json, { maxKeys: 6 });

/** The same value with the keys of every object in reverse order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("canonical JSON", () => {
  it("does not depend on the order of keys", () => {
    fc.assert(fc.property(json, (value) => canonicalJson(reversed(value)) === canonicalJson(value)));
  });

  it("is JSON of the same value, so that different values differ", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("leaves out what is undefined, as JSON does", () => {
    expect(canonicalJson({ b: undefined, a: [1, -0] })).toBe('{"a":[1,0]}');
  });

  it.each([
    ["NaN", { rate: Number.NaN }, "configuration.rate: got NaN"],
    ["a function", { list: [() => 1] }, "configuration.list[0]"],
    ["an instance of a class", { when: new Date(0) }, "an object of a class"],
  ])("refuses %s by its path", (_, value, message) => {
    expect(() => canonicalJson(value)).toThrow(message);
  });
});

describe("the hash of a configuration", () => {
  it("is the start of the SHA-256 of the text, as sha256sum computes it", () => {
    const value = { options: { b: null, a: [1, 2] }, method: "phew", epochs: 8, density: 0.05, seed: 3 };
    // printf '{"density":0.05,"method":"phew","options":{"a":[1,2],"b":null}}' | sha256sum
    expect(configHash(value, { epochs: 8, rate: 0.1 })).toBe("015e051b3d");
  });

  it("depends neither on the order of keys, nor on the seed, nor on settings at their default", () => {
    fc.assert(
      fc.property(config, config, fc.nat(), (given, defaults, seed) => {
        const hash = configHash(given, defaults);
        expect(configHash(reversed(given) as typeof given, defaults)).toBe(hash);
        expect(configHash({ ...given, seed }, defaults)).toBe(
          configHash({ ...given, seed: seed + 1 }, defaults),
        );
        expect(configHash({ ...defaults, ...given }, defaults)).toBe(hash);
      }),
    );
  });

  it("changes with any setting that is not at its default", () => {
    const defaults = { density: 0.05, rate: 0.1 };
    const hashes = [
      {},
      { density: 0.02 },
      { rate: 0.2 },
      { density: 0.02, rate: 0.2 },
      { momentum: 0.9 },
    ].map((given) => configHash(given, defaults));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("takes a default of null for what it is", () => {
    expect(nonDefaults({ limit: null }, { limit: null })).toEqual({});
    expect(nonDefaults({ limit: 0 }, { limit: null })).toEqual({ limit: 0 });
  });
});
