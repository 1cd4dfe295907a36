import { readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bytesOf,
  ELEMENT_BYTES,
  elementsOf,
  float16ToNumber,
  fromFloat32,
  numberToFloat16,
  toFloat32,
} from "../src/tensor.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

describe("the elements of a Buffer at any offset", () => {
  it.each(["F64", "F32", "F16", "I64", "U16", "U8"] as const)(
    "%s, are those of the same bytes elsewhere",
    (dtype) => {
      const bytes = Uint8Array.from({ length: 24 }, (_, k) => k * 11);
      const shape = [24 / ELEMENT_BYTES[dtype]];
      const expected = elementsOf({ dtype, shape, data: bytes });
      for (let offset = 0; offset < 9; offset++) {
        const data = Buffer.alloc(40);
        data.set(bytes, offset);
        const before = Buffer.from(data.toString("hex"), "hex");
        expect(elementsOf({ dtype, shape, data: data.subarray(offset, offset + 24) })).toEqual(expected);
        expect(data.equals(before)).toBe(true);
      }
    },
  );
});

describe("half precision", () => {
  it("gives every finite bit pattern back", () => {
    const all = Array.from({ length: 0x10000 }, (_, bits) => bits);
    const wrong = all.filter((bits) => numberToFloat16(float16ToNumber(bits)) !== bits);
    // what is left are the NaNs, of which there is one bit pattern back
    expect(wrong.every((bits) => Number.isNaN(float16ToNumber(bits)))).toBe(true);
    expect(wrong.length).toBe(2 * 1023 - 1);
    expect(Number.isNaN(float16ToNumber(numberToFloat16(Number.NaN)))).toBe(true);
  });

  it("rounds to the nearest, ties to even", () => {
    expect(numberToFloat16(1 + 2 ** -11)).toBe(0x3c00);
    expect(numberToFloat16(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(numberToFloat16(65519.99)).toBe(0x7bff);
    expect(numberToFloat16(65520)).toBe(0x7c00);
    expect(numberToFloat16(2 ** -25)).toBe(0);
    expect(numberToFloat16(2 ** -25 * 1.0001)).toBe(1);
  });

  it.skipIf(!pythonHas("torch", "numpy"))(
    "agrees with PyTorch on 100,000 floats, F16 and BF16, both ways",
    () => {
      const values = new Float32Array(100_000);
      const bits = new Uint32Array(values.buffer);
      let state = 1;
      for (let k = 0; k < bits.length; k++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        // half of them in the range of half precision, where rounding decides
        bits[k] = k % 2 === 0 ? state : (state & 0x8fffffff) | 0x30000000;
      }
      for (const k of values.keys()) if (Number.isNaN(values[k])) values[k] = k;
      writeFileSync(scratch("values.bin"), bytesOf(values));
      runPython(
        `import sys, numpy, torch
x = torch.from_numpy(numpy.fromfile(sys.argv[1], "<f4"))
for name, t in (("f16", torch.float16), ("bf16", torch.bfloat16)):
    h = x.to(t)
    h.view(torch.int16).numpy().tofile(sys.argv[1] + "." + name)
    h.to(torch.float32).numpy().tofile(sys.argv[1] + "." + name + ".f32")`,
        scratch("values.bin"),
      );
      for (const [dtype, name] of [
        ["F16", "f16"],
        ["BF16", "bf16"],
      ] as const) {
        const half = fromFloat32(dtype, [values.length], values);
        expect(Buffer.from(half.data).equals(readFileSync(scratch(`values.bin.${name}`)))).toBe(true);
        const back = bytesOf(toFloat32(half));
        expect(Buffer.from(back).equals(readFileSync(scratch(`values.bin.${name}.f32`)))).toBe(true);
      }
    },
  );

  it("keeps a NaN a NaN in BF16", () => {
    const bits = Uint32Array.of(0x7f800001, 0xffffffff, 0x7fc00000);
    const half = fromFloat32("BF16", [3], new Float32Array(bits.buffer));
    expect([...toFloat32(half)].every(Number.isNaN)).toBe(true);
  });
});

describe("toFloat32", () => {
  it("is a view where the tensor is F32 and aligned, and a copy where it is not", () => {
    const file = new Uint8Array(17);
    const aligned = toFloat32({ dtype: "F32", shape: [4], data: file.subarray(0, 16) });
    expect(aligned.buffer).toBe(file.buffer);
    const crooked = toFloat32({ dtype: "F32", shape: [4], data: file.subarray(1, 17) });
    expect(crooked.buffer).not.toBe(file.buffer);
  });

  it("converts every type's numbers as JavaScript does", () => {
    const of = (
      dtype: "I8" | "U8" | "I16" | "U16" | "I32" | "U32" | "I64" | "U64" | "F64",
      a: ArrayBufferView,
    ) => [...toFloat32({ dtype, shape: [2], data: bytesOf(a) })];
    expect(of("I8", Int8Array.of(-128, 127))).toEqual([-128, 127]);
    expect(of("U8", Uint8Array.of(0, 255))).toEqual([0, 255]);
    expect(of("I16", Int16Array.of(-32768, 32767))).toEqual([-32768, 32767]);
    expect(of("U16", Uint16Array.of(0, 65535))).toEqual([0, 65535]);
    expect(of("I32", Int32Array.of(-(2 ** 31), 7))).toEqual([-(2 ** 31), 7]);
    expect(of("U32", Uint32Array.of(2 ** 31, 7))).toEqual([2 ** 31, 7]);
    expect(of("I64", BigInt64Array.of(-(2n ** 40n), 3n))).toEqual([-(2 ** 40), 3]);
    expect(of("U64", BigUint64Array.of(2n ** 63n, 3n))).toEqual([2 ** 63, 3]);
    expect(of("F64", Float64Array.of(0.1, 1e300))).toEqual([Math.fround(0.1), Number.POSITIVE_INFINITY]);
  });

  it("brings F64 there and back exactly for any float32", () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true }), (values) => {
        const back = toFloat32(fromFloat32("F64", [values.length], values));
        expect(bytesOf(back)).toEqual(bytesOf(values.slice()));
      }),
    );
  });
});

it("reads elements at any alignment", () => {
  const bytes = new Uint8Array([9, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect([...(elementsOf({ dtype: "I64", shape: [1], data: bytes.subarray(1) }) as BigInt64Array)]).toEqual([
    1n,
  ]);
});
