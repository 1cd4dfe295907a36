/** Columns of a terminal, of names in any script. */
import { cutMiddle, cutText, padText, textWidth } from "@phew/runs";
import fc from "fast-check";
import stringWidth from "string-width";
import { expect, it } from "vitest";

const anyName = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom("a", "漢", "字", "é", "e\u0301", "👩‍👩‍👧", "🇨🇭", "ｱ", "Ａ", "─", "█") }),
);
const width = fc.integer({ min: 1, max: 20 });

it("a cut text fits, and one that fits is not cut", () =>
  fc.assert(
    fc.property(anyName, width, (name, columns) => {
      for (const cut of [cutText(name, columns), cutMiddle(name, columns)]) {
        expect(stringWidth(cut)).toBeLessThanOrEqual(columns);
        if (stringWidth(name) <= columns) expect(cut).toBe(name);
      }
    }),
  ));

it("keeps both ends of a name whose middle is cut", () => {
  expect(cutMiddle("layer1.0.conv1.weight", 11)).toBe("layer…eight");
  expect(cutMiddle("layer1.0.conv1.weight", 11, "..")).toBe("laye..eight");
  expect(cutMiddle("漢字漢字", 5)).toBe("漢…字");
});

it("fills up to the width asked for, on either side", () =>
  fc.assert(
    fc.property(anyName, width, (name, columns) => {
      for (const side of ["left", "right"] as const)
        expect(textWidth(padText(name, columns, side))).toBe(Math.max(columns, stringWidth(name)));
    }),
  ));
