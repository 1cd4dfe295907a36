import { textWidth } from "@phew/runs";
import fc from "fast-check";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { brailleCanvas, canvasRow, drawDotInto, drawLineInto } from "../src/braille.ts";
import { fanInHistogram, fanInRange } from "../src/fanIn.ts";
import { plotRows } from "../src/plot.ts";
import { SMOOTHING_LEVELS, smoothed } from "../src/smoothing.ts";
import { fit, fitRow, rowText, truncate, wrap } from "../src/styledText.ts";
import { bar } from "../src/theme.ts";

const anyText = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("層", "a", " ", "🚶‍♀️", "e\u0301", "\u001b[31m", "\n", "é", "👨‍👩‍👧", "\u0000"), {
      maxLength: 12,
    })
    .map((parts) => parts.join("")),
);

describe("text in columns", () => {
  it("fills exactly the width it is given, whatever characters it has", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 30 }), (text, width) => {
        for (const side of ["left", "right"] as const)
          expect(stringWidth(fit(text, width, side))).toBe(width);
        expect(stringWidth(rowText(fitRow([{ text }, { text: "tail" }], width)))).toBe(width);
      }),
    );
  });

  it("is cut between characters, with a mark that it was", () => {
    expect(truncate("uniform-walk", 12)).toBe("uniform-walk");
    expect(truncate("uniform-walk", 8)).toBe("uniform…");
    expect(truncate("深層網絡", 5)).toBe("深層…");
    expect(truncate("深層網絡", 4)).toBe("深…");
    expect(truncate("👨‍👩‍👧👨‍👩‍👧", 3)).toBe("👨‍👩‍👧…");
    expect(fit("ab", 5, "right")).toBe("   ab");
  });

  it("cannot move the cursor or change colours", () => {
    expect(truncate("a\u001b[2Jb\r\nc\u0007\u009bd", 40)).toBe("a\\u001b[2Jb\\r\\nc\\u0007\\u009bd");
  });

  it("has the width that terminals give it, also of the marks that are known to be narrow", () => {
    const marks = " ~·×–…─━│┃┄╭╮╰╯┏┓┗┛┤└▏▎▍▌▋▊▉█░▟▸●■✓✗⠀⠁⣿";
    for (const mark of marks) expect(textWidth(mark), mark).toBe(stringWidth(mark));
    for (let code = 0x2500; code <= 0x259f; code++) expect(stringWidth(String.fromCharCode(code))).toBe(1);
    fc.assert(fc.property(anyText, (text) => textWidth(text) === stringWidth(text)));
  });

  it("wraps at words, and breaks those that are longer than a line", () => {
    expect(wrap("no runs in this folder yet", 10)).toEqual(["no runs in", "this", "folder yet"]);
    expect(wrap("/a/very/long/path here", 6)).toEqual(["/a/ver", "y/long", "/path", "here"]);
  });
});

describe("bars", () => {
  it("have the given length, and are filled to the nearest eighth", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 40 }),
        (fraction, width) => {
          const drawn = [...bar(fraction, width)];
          expect(drawn.length).toBe(width);
          const eighths = drawn.reduce(
            (sum, glyph) => sum + (glyph === " " ? 0 : 0x2590 - glyph.codePointAt(0)!),
            0,
          );
          expect(eighths).toBe(Math.round(fraction * width * 8));
        },
      ),
    );
  });

  it("show what is no fraction as empty or full", () => {
    expect([Number.NaN, -1, 2].map((fraction) => bar(fraction, 2, "."))).toEqual(["..", "..", "██"]);
  });
});

describe("braille", () => {
  it("has every dot where Unicode puts it", () => {
    const bits = [0x1, 0x2, 0x4, 0x40, 0x8, 0x10, 0x20, 0x80];
    bits.forEach((bit, k) => {
      const canvas = brailleCanvas(1, 1);
      drawDotInto(canvas, Math.floor(k / 4), k % 4, 0);
      expect(canvasRow(canvas, 0)[0]?.text.codePointAt(0)).toBe(0x2800 + bit);
    });
  });

  it("joins points by lines and leaves out what is outside", () => {
    const canvas = brailleCanvas(3, 2);
    drawLineInto(canvas, 0, 0, 5, 0, 0);
    drawLineInto(canvas, 0, 7, 9, 7, 1);
    expect(canvasRow(canvas, 0)).toEqual([{ text: "⠉⠉⠉", line: 0 }]);
    expect(canvasRow(canvas, 1)).toEqual([{ text: "⣀⣀⣀", line: 1 }]);
  });

  it("gives a cell to the line drawn last", () => {
    const canvas = brailleCanvas(3, 1);
    drawLineInto(canvas, 0, 0, 5, 0, 0);
    drawDotInto(canvas, 2, 3, 1);
    expect(canvasRow(canvas, 0)).toEqual([
      { text: "⠉", line: 0 },
      { text: "⡀", line: 1 },
      { text: "⠉", line: 0 },
    ]);
  });
});

describe("a plot", () => {
  const options = { width: 24, height: 8, logScale: false, xName: "step" };
  const text = (...args: Parameters<typeof plotRows>) => plotRows(...args).map(rowText);

  it("has the curve between labelled axes", () => {
    const curve = { x: [0, 10, 20], y: [0, 1, 2] };
    expect(text([{ curve, colour: "blue" }], options)).toEqual([
      "2 ┤                  ⢀⡠⠔",
      "  │               ⣀⠔⠊⠁  ",
      "  │           ⣀⠤⠒⠉      ",
      "1 ┤       ⣀⠤⠒⠉          ",
      "  │   ⣀⠤⠒⠉              ",
      "0 ┤⠤⠒⠉                  ",
      "  └─────────────────────",
      "   0        10   step 20",
    ]);
  });

  it("draws a straight line of an exponential decay on a logarithmic scale", () => {
    const x = Array.from({ length: 60 }, (_, k) => k);
    const y = x.map((k) => 10 ** (-k / 20));
    const rows = text([{ curve: { x, y }, colour: "blue" }], {
      ...options,
      width: 40,
      height: 14,
      logScale: true,
    });
    const labels = rows.filter((row) => row.includes("┤")).map((row) => row.trim().split(" ")[0]);
    expect(labels).toEqual(["1", "0.1", "0.01", "0.001"]);
    // dots advance evenly: equal numbers of braille cells in every row but the ends
    const counts = rows
      .slice(1, 11)
      .map((row) => [...row].filter((glyph) => glyph >= "⠁" && glyph <= "⣿").length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });

  it("breaks a line at points that are no number, and stays blank where there is nothing", () => {
    const curve = { x: [0, 1, 2, 3, 4], y: [1, 1, Number.NaN, 1, 1] };
    const middle = text([{ curve, colour: "blue" }], options).find((row) => /[⠁-⣿]/.test(row))!;
    expect(middle).toMatch(/[⠁-⣿] {4,}[⠁-⣿]/);
    const blank = Array.from({ length: 8 }, () => " ".repeat(24));
    expect(text([{ curve: { x: [], y: [] }, colour: "blue" }], options)).toEqual(blank);
    expect(text([{ curve: { x: [1], y: [0] }, colour: "blue" }], { ...options, logScale: true })).toEqual(
      blank,
    );
    expect(text([{ curve, colour: "blue" }], { ...options, width: 9 })).toEqual(
      blank.map(() => " ".repeat(9)),
    );
  });

  it("writes as many digits as tell its ticks apart", () => {
    const curve = { x: [0, 1], y: [2.301, 2.309] };
    const rows = text([{ curve, colour: "blue" }], { ...options, width: 40, height: 14 });
    const labels = rows.filter((row) => row.includes("┤")).map((row) => row.trim().split(" ")[0]);
    expect(labels).toEqual(["2.308", "2.306", "2.304", "2.302"]);
  });

  it("fills its room exactly, whatever the numbers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1e9 }), fc.double()), { maxLength: 30 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        (points, width, height, logScale) => {
          const sorted = points.sort((a, b) => a[0] - b[0]);
          const curve = { x: sorted.map(([x]) => x), y: sorted.map(([, y]) => y) };
          const rows = text([{ curve, colour: "blue" }], { width, height, logScale, xName: "step" });
          expect(rows.length).toBe(height);
          for (const row of rows) expect(stringWidth(row)).toBe(width);
        },
      ),
      {
        examples: [
          [
            [
              [0, -5e-324],
              [0, 1.5e-323],
            ],
            1,
            4,
            false,
          ],
        ],
      },
    );
  });

  it("has round ticks, at least two, also where it is low", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 7, max: 20 }),
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.double({ min: 1.01, max: 1000, noNaN: true }),
        (height, least, ratio) => {
          const curve = { x: [0, 1], y: [least, least * ratio] };
          const rows = text([{ curve, colour: "blue" }], {
            width: 60,
            height,
            logScale: false,
            xName: "step",
          });
          expect(rows.filter((row) => row.includes("┤")).length).toBeGreaterThanOrEqual(2);
        },
      ),
    );
  });
});

describe("smoothing", () => {
  it("is the weighted mean of all points so far, weights falling by β", () => {
    const y = [3, 1, 4, 1, 5, 9, 2, 6];
    const x = y.map((_, k) => k);
    SMOOTHING_LEVELS.forEach((beta, level) => {
      const result = smoothed({ x, y }, level).y;
      y.forEach((_, n) => {
        const weights = y.slice(0, n + 1).map((_, k) => beta ** (n - k));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const mean = weights.reduce((sum, weight, k) => sum + weight * y[k]!, 0) / total;
        expect(result[n]).toBeCloseTo(mean, 10);
      });
    });
  });

  it("passes over points that are no number", () => {
    expect(smoothed({ x: [0, 1, 2], y: [2, Number.NaN, 2] }, 3).y).toEqual([2, Number.NaN, 2]);
  });
});

describe("the fan-in of units", () => {
  it("is a histogram from the fewest to the most, blank where no unit is", () => {
    expect(fanInHistogram(Uint32Array.of(5, 5, 5))).toBe("█");
    expect(fanInHistogram(Uint32Array.of(6, 7, 9, 9, 9, 9, 9, 9, 9, 9))).toBe("▁▁ █");
    const ramp = Uint32Array.from({ length: 36 }, (_, k) => Math.floor((Math.sqrt(8 * k + 1) - 1) / 2));
    expect(fanInHistogram(ramp)).toBe("▁▂▃▄▅▆▇█");
    expect(fanInRange(ramp)).toBe("0–7");
    expect(fanInRange(Uint32Array.of(4, 4))).toBe("4");
  });

  it("is as wide as it has room for, and blank alone where no unit falls", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (bytes) => {
        const keptIn = Uint32Array.from(bytes);
        const text = fanInHistogram(keptIn);
        expect(text).toMatch(/^[▁-█][ ▁-█]{0,7}$/);
        expect(text).toContain("█");
        expect(text.at(-1)).not.toBe(" ");
        expect(text.length).toBe(Math.min(8, Math.max(...bytes) - Math.min(...bytes) + 1));
      }),
    );
  });
});
