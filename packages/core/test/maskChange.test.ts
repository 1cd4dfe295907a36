import fc from "fast-check";
import { expect, it } from "vitest";
import { AWAKE, stateAfterChange, weightsAfterChange } from "../src/masks/maskChange.ts";
import { keptIndices, Masks } from "../src/masks/masks.ts";
import { NetworkBuilder } from "../src/network/builder.ts";

/** Two units behind a batch normalisation, a slope each, then one unit. */
function twoUnits() {
  const b = new NetworkBuilder("two", [2]);
  const hidden = b.batchNorm("bn", b.dense("a", b.input, 2));
  const x = b.node("prelu", { kind: "prelu", slope: "prelu.weight", shared: false }, hidden);
  return b.build(b.dense("b", x, 1));
}

const network = twoUnits();
const values = new Map(
  network.parameters.map(({ name, shape }, p) => [
    name,
    Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, k) => 10 * (p + 1) + k),
  ]),
);
/** Weights a[0,0], a[0,1], a[1,0], a[1,1], b[0,0], b[0,1]. */
const masks = (...kept: number[]) => new Masks(network, Uint8Array.from(kept));

it("keeps survivors, starts new weights at 0 and empties what is removed", () => {
  const change = { before: masks(1, 0, 1, 1, 1, 0), next: masks(1, 1, 1, 0, 0, 1) };
  for (const after of [weightsAfterChange(values, change), stateAfterChange(values, change)]) {
    expect([...after.get("a.weight")!]).toEqual([10, 0, 12, 0]);
    expect([...after.get("b.weight")!]).toEqual([0, 0]);
    for (const name of ["a.bias", "bn.weight", "bn.bias", "prelu.weight", "b.bias"])
      expect(after.get(name)).toBe(values.get(name));
  }
  expect([...values.get("a.weight")!]).toEqual([10, 11, 12, 13]);
});

it("silences a unit that dies, wakes one that comes back, and leaves running statistics alone", () => {
  const change = { before: masks(1, 1, 0, 0, 1, 1), next: masks(0, 0, 1, 0, 1, 1) };
  const after = weightsAfterChange(values, change);
  expect([...after.get("a.bias")!]).toEqual([0, AWAKE]);
  expect([...after.get("bn.weight")!]).toEqual([0, 1]);
  expect([...after.get("bn.bias")!]).toEqual([0, AWAKE]);
  expect([...after.get("prelu.weight")!]).toEqual([0, 0.25]);
  for (const name of ["bn.running_mean", "bn.running_var", "b.bias"])
    expect(after.get(name)).toBe(values.get(name));
  const state = stateAfterChange(values, change);
  for (const name of ["a.bias", "bn.weight", "bn.bias", "prelu.weight"])
    expect([...state.get(name)!]).toEqual([0, 0]);
});

it("takes masks that were absent for full ones", () => {
  const after = weightsAfterChange(values, { before: undefined, next: masks(1, 1, 0, 0, 1, 1) });
  expect([...after.get("a.weight")!]).toEqual([10, 11, 0, 0]);
  expect([...after.get("bn.weight")!]).toEqual([values.get("bn.weight")![0], 0]);
});

it("finds the ones of a mask wherever it starts", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 40 }), fc.nat(7), (ones, offset) => {
      const bytes = new Uint8Array(offset + ones.length + 5).fill(1);
      const mask = bytes.subarray(offset, offset + ones.length);
      mask.set(ones);
      expect([...keptIndices(mask)]).toEqual(ones.flatMap((one, k) => (one === 1 ? [k] : [])));
    }),
  );
});
