/** Names in few columns. */
import { shortNames, textWidth } from "@phew/runs";
import fc from "fast-check";
import { expect, it } from "vitest";

const word = fc.oneof(
  fc.constantFrom(
    "phew",
    "phew+shuffle",
    "lenet5",
    "vgg19-bn",
    "bias=square",
    "bias=inverse",
    "rate 0.05",
    "rate 0.005",
    "5 %",
  ),
  fc.string({ minLength: 1, maxLength: 12 }),
);
const names = fc.uniqueArray(
  fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join(" · ")),
  { minLength: 1, maxLength: 40 },
);

it("no two are alike, each fits, and those that fit before stay as they are", () =>
  fc.assert(
    fc.property(names, fc.integer({ min: 3, max: 60 }), (all, width) => {
      const short = shortNames(all, width);
      expect(new Set(short).size).toBe(all.length);
      for (const [k, name] of short.entries()) {
        expect(textWidth(name)).toBeLessThanOrEqual(width);
        if (textWidth(all[k]!) <= width) expect(name).toBe(all[k]);
      }
    }),
  ));

const number = fc.oneof(
  fc.constantFrom("1e+30", "1e-7", "0.00013", "12345", "5 %", "0.25 %"),
  fc.double({ min: 1e-9, max: 1e30, noNaN: true }).map((value) => `${Number(value.toPrecision(4))}`),
);
const numbered = fc.uniqueArray(
  fc
    .array(fc.oneof(number, fc.constantFrom("rate", "phew", "vgg19-bn", "bias=square")), {
      minLength: 1,
      maxLength: 5,
    })
    .map((words) => words.join(" ")),
  { minLength: 2, maxLength: 12 },
);

it("has only whole numbers in names, whatever the width", () =>
  fc.assert(
    fc.property(numbered, fc.integer({ min: 3, max: 40 }), (all, width) => {
      const isIn = (name: string, text: string) => new Set(name.match(/[\d.]+(e[-+]?\d+)?/g)).has(text);
      for (const [k, short] of shortNames(all, width).entries())
        for (const found of short.replace(/#\d+$/, "").match(/[\d.]+(e[-+]?\d+)?/g) ?? [])
          expect(isIn(all[k]!, found), `${all[k]} → ${short}`).toBe(true);
    }),
  ));

it("keeps a number with an exponent whole", () => {
  const rates = ["phew 10 % rate 1e+30", "phew 10 % rate 1e+29"];
  for (const width of [8, 12, 14])
    expect(shortNames(rates, width).map((name) => name.match(/1e\S*/)?.[0])).toEqual(["1e+30", "1e+29"]);
});

it("shortens what many names have, keeps what tells them apart, and never cuts a number", () => {
  const rates = [
    "lenet5-caffe magnitude 0.005",
    "lenet5-caffe magnitude 0.0005",
    "lenet5-caffe magnitude 0.05",
  ];
  expect(shortNames(rates, 16)).toEqual(["magnitude 0.005", "magnitude 0.0005", "lene… magn… 0.05"]);
  expect(shortNames(rates, 7)).toEqual(["0.005", "0.0005", "0.05"]);
  const options = ["s2/phew 10 % bias=square", "s2/phew 10 % bias=inverse"];
  expect(shortNames(options, 17)).toEqual(["s2/phew square", "s2/phew inverse"]);
  expect(shortNames(options, 8)).toEqual(["square", "inverse"]);
});

it("leaves four letters of a method, or all of it, where there is room for them", () => {
  const methods = ["phew", "erk", "magnitude", "synflow", "path-find", "uniform-walk"];
  const all = methods.flatMap((method) =>
    ["0.05", "0.005"].flatMap((rate) => [`mobilenet-v2 ${method} ${rate}`, `resnet20 ${method} ${rate}`]),
  );
  // "mobi… magn… 0.005"
  for (let width = 17; width < 30; width++) {
    for (const [k, name] of shortNames(all, width).entries()) {
      const method = all[k]!.split(" ")[1]!;
      const begins = method.length <= 5 ? method : method.slice(0, 4);
      expect(name.split(" ")[1], `${all[k]} at ${width}: ${name}`).toMatch(new RegExp(`^${begins}`));
    }
  }
});
