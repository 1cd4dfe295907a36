import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerProgress, UNIT_GROUPS } from "../src/masks/layerProgress.ts";

describe("layerProgress", () => {
  it("has a digit a unit, 0 for those alone that nothing enters, f for the one with the most", () => {
    expect(layerProgress(Uint32Array.of(0, 1, 1000, 500))).toEqual({
      keptCount: 1501,
      width: 0.75,
      units: "01f8",
    });
    expect(layerProgress(new Uint32Array(3), 12.4)).toEqual({
      keptCount: 0,
      width: 0,
      units: "000",
      expectedCount: 12,
    });
  });

  it("groups neighbours where units are many, each in one group", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) => {
        const keptIn = Uint32Array.from(bytes);
        const { units, keptCount } = layerProgress(keptIn);
        expect(units).toMatch(/^[0-9a-f]+$/);
        expect(units).toHaveLength(Math.min(UNIT_GROUPS, keptIn.length));
        expect(keptCount).toBe(bytes.reduce((sum, count) => sum + count, 0));
        // a group is dark where all of its units are
        const dark = [...units].filter((digit) => digit === "0").length;
        const none = keptIn.filter((count) => count === 0).length;
        expect(dark === 0 || none > 0).toBe(true);
        if (keptIn.length <= UNIT_GROUPS) expect(dark).toBe(none);
      }),
    );
    const half = Uint32Array.from({ length: 128 }, (_, unit) => (unit < 64 ? 10 : 5));
    expect(layerProgress(half).units).toBe("f".repeat(32) + "8".repeat(32));
  });
});
