/** What names from files look like once they reach a terminal, a table, CSV, Markdown, SVG or JSON. */
import { blockText, cellText, csvText, jsonText, lineText, markdownText, markupText } from "@phew/runs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Texts rich in what is dangerous: controls, bidirectional and zero-width characters, halves of pairs, line ends. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 3 }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.integer({ min: 0, max: 0x9f }).map((unit) => String.fromCharCode(unit)),
      fc.integer({ min: 0x2000, max: 0x206f }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(
        "\u001b[31m",
        "\u001b]0;title\u0007",
        "\u009b2J",
        "|",
        "<b>",
        "=1+1",
        "👩‍👩‍👧",
        "é",
        "漢",
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

// written as ranges, not as classes of characters, so that it shares nothing with what it checks
const isObeyedOrUnseen = (code: number) =>
  code < 0x20 ||
  (code >= 0x7f && code <= 0x9f) ||
  code === 0xad ||
  code === 0x61c ||
  (code >= 0x200b && code <= 0x200f && code !== 0x200d) ||
  (code >= 0x2028 && code <= 0x202e) ||
  (code >= 0x2060 && code <= 0x206f) ||
  code === 0xfeff ||
  (code >= 0xd800 && code <= 0xdfff) ||
  (code >= 0xe0000 && code <= 0xe007f) ||
  (code & 0xfffe) === 0xfffe;
const unfit = (text: string) => [...text].filter((character) => isObeyedOrUnseen(character.codePointAt(0)!));

describe("one line of a terminal", () => {
  it("has nothing that is obeyed, not seen, or turns the order round", () =>
    fc.assert(
      fc.property(hostile, (text) => {
        expect(unfit(lineText(text))).toEqual([]);
        expect(unfit(cellText(text))).toEqual([]);
      }),
    ));

  it("leaves what is printable as it is", () => {
    for (const text of ["layer2.0.conv1.weight", "größe 漢字 é", "👩‍👩‍👧 ❤️ 👍🏽", "−0.5 … ×·█▁⠿"])
      expect(lineText(text)).toBe(text);
  });

  it("shows two names that differ as two", () => {
    expect(lineText("conv\u200b1")).toBe("conv\\u200b1");
    expect(lineText("a\u202eb")).toBe("a\\u202eb");
    expect(lineText("a\u001b[31m\r\n\u009b\u007f\ud800")).toBe("a\\u001b[31m\\r\\n\\u009b\\u007f\\ud800");
    expect(lineText("a\u200db")).toBe("a\\u200db");
  });

  it("keeps both ends of a text of megabytes", () => {
    const line = lineText(`layer ${"x".repeat(5e6)}: too long.`);
    expect(line.length).toBeLessThan(4100);
    const [, start, number, end] = /^(layer x+)… \(([\d,]+) more\) …(x+: too long\.)$/.exec(line)!;
    expect(start!.length + end!.length + Number(number!.replaceAll(",", ""))).toBe(5_000_017);
  });

  it("cuts no picture in half where it leaves the middle of a text out", () => {
    for (let shift = 0; shift < 4; shift++) {
      const cut = cellText(`${"x".repeat(shift)}${"👍".repeat(1000)}`);
      expect(cut).toMatch(/^x*(👍)+… \([\d,]+ more\) …(👍)+$/u);
    }
  });
});

it("a text of several lines keeps its line breaks and tabs alone", () =>
  fc.assert(
    fc.property(hostile, (text) => {
      const shown = blockText(text);
      expect(unfit(shown).filter((character) => character !== "\n" && character !== "\t")).toEqual([]);
      expect(shown.split("\n").length).toBe(text.replaceAll("\r\n", "\n").split("\n").length);
    }),
  ));

describe("CSV", () => {
  it.each([
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ["+1+1", "'+1+1"],
    ["-1+1", "'-1+1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", "\\r=1"],
    ["＝1", "'＝1"],
    ["-", "'-"],
    ["a,b", '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ["=a\nb", '"\'=a\nb"'],
  ])("takes the formula out of %j", (text, cell) => expect(csvText(text)).toBe(cell));

  it("numbers stay numbers, also in texts", () =>
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(csvText(value))).toBe(value + 0);
        expect(csvText(`${value}`)).toBe(`${value}`);
      }),
    ));

  it("no cell begins as a formula does, whatever it holds", () =>
    fc.assert(
      fc.property(hostile, (text) => {
        const cell = csvText(text).replace(/^"/, "");
        if (!Number.isFinite(Number(text)) || text.trim() === "") expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }),
    ));
});

it("Markdown shows HTML, pipes, links and emphasis as they are written", () => {
  expect(markdownText("<img src=x onerror=alert(1)>|`a`|[x](http://y)|*b*|_c_|a\nb")).toBe(
    "\\<img src=x onerror=alert(1)\\>\\|\\`a\\`\\|\\[x\\](http://y)\\|\\*b\\*\\|\\_c\\_\\|a\\\\nb",
  );
});

it("SVG and HTML have no markup of a name, in elements and in attributes", () =>
  fc.assert(
    fc.property(hostile, (text) => {
      const shown = markupText(text);
      expect(shown).not.toMatch(/[<>"']/);
      expect(shown).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
      expect(unfit(shown).filter((character) => character !== "\n" && character !== "\t")).toEqual([]);
    }),
  ));

it("JSON is the same data, and moves no cursor", () =>
  fc.assert(
    fc.property(fc.dictionary(hostile, hostile, { noNullPrototype: true }), (data) => {
      const json = jsonText(JSON.stringify(data, undefined, 2));
      expect(JSON.parse(json)).toEqual(data);
      expect(unfit(json).filter((character) => character !== "\n")).toEqual([]);
    }),
  ));
