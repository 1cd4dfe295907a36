/** How rearrange passes units, beside the movement of each element. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../src/network/network.ts";
import { elementsMoved, type Rearrange } from "../src/operations/rearrange.ts";
import { definitionOf } from "../src/operations/registry.ts";
import { walkPlan } from "../src/walks/plan.ts";
import { randomWeights } from "./randomNetwork.ts";

/** Channels and tokens exchanged: `[tokens, 1, channels]` of `[channels, 1, tokens]`. */
const exchanged = (channels: number, tokens: number): Rearrange => ({
  kind: "rearrange",
  shape: [tokens, 1, channels],
  offset: 0,
  atoms: [
    { length: tokens, stride: 1 },
    { length: channels, stride: tokens },
  ],
});

/** Every pair of an input unit and a unit that has elements of it, with the feature that it is. */
function pairsOf(op: Rearrange, input: readonly number[]): string[] {
  const maps = definitionOf(op).units(op, [input], op.shape);
  if ("weight" in maps) throw new Error("a rearrangement has no weights");
  return maps
    .flatMap(({ fromStart, count, toStart, spread, feature }) =>
      Array.from({ length: count * spread }, (_, k) => {
        const own = feature ?? (spread === 1 ? { of: 1, at: 0 } : { of: spread, at: k % spread });
        return `${fromStart + Math.floor(k / spread)} → ${toStart + k}, feature ${own.at} of ${own.of}`;
      }),
    )
    .sort();
}

describe("units that are moved", () => {
  it("each position of a channel is a feature of it where tokens become units", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 2, max: 9 }), (channels, tokens) => {
        const op = exchanged(channels, tokens);
        const expected = [...elementsMoved(op)].map((from, e) => {
          const token = Math.floor(e / channels);
          return `${Math.floor(from / tokens)} → ${token}, feature ${from % tokens} of ${tokens}`;
        });
        expect(pairsOf(op, [channels, 1, tokens])).toEqual(expected.sort());
      }),
    );
  });

  it("takes a map for each channel, not for each element: walks of mixers are planned within a moment", () => {
    const op = exchanged(384, 196);
    expect(definitionOf(op).units(op, [[384, 1, 196]], op.shape)).toHaveLength(384);
    const block = (k: number, before: string) => [
      { name: `turn${k}`, op, inputs: [before] },
      {
        name: `tokens${k}`,
        op: { kind: "dense", weight: `t${k}`, outFeatures: 196 } as const,
        inputs: [`turn${k}`],
      },
      { name: `back${k}`, op: exchanged(196, 384), inputs: [`tokens${k}`] },
      { name: `sum${k}`, op: { kind: "add" } as const, inputs: [before, `back${k}`] },
      {
        name: `channels${k}`,
        op: { kind: "dense", weight: `c${k}`, outFeatures: 384 } as const,
        inputs: [`sum${k}`],
      },
    ];
    const specs = [
      { name: "x", op: { kind: "input", shape: [384, 1, 196] } as const, inputs: [] },
      ...block(1, "x"),
      ...block(2, "channels1"),
      { name: "mean", op: { kind: "globalAveragePool" } as const, inputs: ["channels2"] },
    ];
    const network = buildNetwork("mixer", specs, "mean");
    const { layers, links } = walkPlan(network, randomWeights(network, 1));
    expect(layers.map(({ name }) => name)).toEqual(["t1", "c1", "t2", "c2"]);
    // a link for each channel or token of a turn
    expect(links.length).toBeLessThan(3 * (384 + 196));
  });
});
