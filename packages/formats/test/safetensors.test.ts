import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { ArgumentError } from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import {
  bytesOf,
  type Dtype,
  ELEMENT_BYTES,
  parseSafetensors,
  readSafetensors,
  safetensorsChunks,
  type Tensor,
  toFloat32,
  writeSafetensors,
  writeWhole,
} from "../src/index.ts";
import { fuzz } from "./fuzz.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

/** Mutants in the long tests that are each written to a file. */
const ON_DISK = 10_000;
const scratch = scratchFolder();
const golden = new URL("../../../../shared/golden/", import.meta.url).pathname;
const encode = (tensors: ReadonlyMap<string, Tensor>, metadata?: Record<string, string>) =>
  new Uint8Array(Buffer.concat(safetensorsChunks(tensors, metadata)));

/** A file with this header, padded or not, and this many bytes of data. */
function file(header: unknown, dataBytes: number, lengthField?: bigint): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(lengthField ?? BigInt(json.length));
  return new Uint8Array(Buffer.concat([head, json, Buffer.alloc(dataBytes)]));
}

const anyTensor = fc
  .tuple(fc.constantFrom(...(Object.keys(ELEMENT_BYTES) as Dtype[])), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const length = shape.reduce((a, b) => a * b, 1) * ELEMENT_BYTES[dtype];
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((data): Tensor => ({ dtype, shape, data: dtype === "BOOL" ? data.map((b) => b & 1) : data }));
  });
const anyTensors = fc
  .uniqueArray(fc.tuple(fc.string({ unit: "binary" }), anyTensor), {
    selector: ([name]) => name,
    maxLength: 6,
  })
  .map((entries) => new Map(entries.filter(([name]) => name !== "__metadata__")));

describe("reading and writing", () => {
  it("gives any tensors back bit for bit, aligned, with their metadata", () => {
    fc.assert(
      fc.property(anyTensors, fc.dictionary(fc.string(), fc.string()), (tensors, metadata) => {
        const bytes = encode(tensors, metadata);
        const back = parseSafetensors(bytes);
        expect(back.metadata).toEqual(metadata);
        expect(back.tensors.size).toBe(tensors.size);
        for (const [name, { dtype, shape, data }] of tensors) {
          const tensor = back.tensors.get(name)!;
          expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape]);
          expect(Buffer.compare(tensor.data, data)).toBe(0);
          expect(tensor.data.byteOffset % ELEMENT_BYTES[dtype]).toBe(0);
          expect(tensor.data.buffer).toBe(bytes.buffer);
        }
      }),
    );
  });

  it("writes the same bytes whatever the order it is given", () => {
    fc.assert(
      fc.property(anyTensors, (tensors) => {
        expect(encode(new Map([...tensors].reverse()), { b: "1", a: "2" })).toEqual(
          encode(tensors, { a: "2", b: "1" }),
        );
      }),
    );
  });

  it("reads a file from disk as it reads its bytes", async () => {
    const tensors = new Map<string, Tensor>([
      ["a", { dtype: "F32", shape: [2, 3], data: bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6)) }],
      ["empty", { dtype: "I64", shape: [0, 7], data: new Uint8Array() }],
      ["one", { dtype: "F64", shape: [], data: bytesOf(Float64Array.of(Math.PI)) }],
      ["z", { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ]);
    await writeSafetensors(scratch("disk.safetensors"), tensors, { format: "pt" });
    const back = await readSafetensors(scratch("disk.safetensors"));
    expect(back).toEqual(parseSafetensors(new Uint8Array(readFileSync(scratch("disk.safetensors")))));
    expect([...toFloat32(back.tensors.get("a")!)]).toEqual([1, 2, 3, 4, 5, 6]);
    expect((readFileSync(scratch("disk.safetensors")).readBigUInt64LE(0) + 8n) % 8n).toBe(0n);
  });

  it("reads a header whose padding leaves the data crooked", () => {
    const bytes = file({ "a b": { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4);
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, 2.5, true);
    expect([...toFloat32(parseSafetensors(bytes).tensors.get("a b")!)]).toEqual([2.5]);
  });

  it.skipIf(!existsSync(golden))(
    "reads all golden files and writes their tensors back bit for bit",
    async () => {
      for (const model of ["mlp", "convnet", "resnet-small", "depthwise"]) {
        for (const name of ["weights", "batch", "scores", "masks"]) {
          const path = `${golden}${model}/${name}.safetensors`;
          const { tensors, metadata } = await readSafetensors(path);
          const back = parseSafetensors(encode(tensors, metadata));
          for (const [key, tensor] of tensors)
            expect(Buffer.compare(back.tensors.get(key)!.data, tensor.data)).toBe(0);
        }
      }
    },
  );

  it.skipIf(!pythonHas("torch", "safetensors"))(
    "writes the bytes that Python's safetensors writes, for 11 types",
    async () => {
      runPython(
        `import sys, torch
from safetensors.torch import save_file
torch.manual_seed(1)
t = {"w" + str(i): torch.randint(0, 2, (2, 3, i + 1)).to(d) for i, d in enumerate([torch.float64, torch.float32,
  torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16])}
t |= {"10.weight": torch.randn(4, 4), "2.weight": torch.randn(3), "ü": torch.randn(1), "empty": torch.zeros(0, 5), "one": torch.tensor(3.5)}
save_file(t, sys.argv[1], metadata={"format": "pt"})`,
        scratch("python.safetensors"),
      );
      const theirs = readFileSync(scratch("python.safetensors"));
      const { tensors, metadata } = parseSafetensors(new Uint8Array(theirs));
      expect(tensors.size).toBe(16);
      await writeSafetensors(scratch("ours.safetensors"), tensors, metadata);
      expect(readFileSync(scratch("ours.safetensors")).equals(theirs)).toBe(true);
    },
  );

  it("reads by segments what is too large for one", async () => {
    // one hole in the disk, not three gigabytes: the file is sparse
    const length = 3 * 2 ** 29;
    const header = JSON.stringify({
      a: { dtype: "U8", shape: [length], data_offsets: [0, length] },
      b: { dtype: "F32", shape: [2], data_offsets: [length, length + 8] },
      c: { dtype: "U8", shape: [3], data_offsets: [length + 8, length + 11] },
    });
    const { open } = await import("node:fs/promises");
    const handle = await open(scratch("large.safetensors"), "w");
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(BigInt(header.length));
    await handle.write(Buffer.concat([head, Buffer.from(header)]), 0, undefined, 0);
    await handle.write(bytesOf(Float32Array.of(1.5, -2)), 0, 8, 8 + header.length + length);
    await handle.write(Uint8Array.of(7, 8, 9), 0, 3, 8 + header.length + length + 8);
    await handle.close();
    const { withFile } = await import("../src/readFile.ts");
    // reading 1.5 GB of zeros is slow on a small machine: the parts after it alone show where the segments fall
    const parts: [number, number][] = [];
    const small = await withFile(scratch("large.safetensors"), async (opened) => {
      const { readOpen } = await import("../src/safetensors.ts");
      return readOpen({
        ...opened,
        read: (offset, count) => {
          parts.push([offset, count]);
          return count === length ? Promise.resolve(new Uint8Array()) : opened.read(offset, count);
        },
      });
    });
    expect(parts.slice(2)).toEqual([
      [8 + header.length, length],
      [8 + header.length + length, 11],
    ]);
    expect([...toFloat32(small.tensors.get("b")!)]).toEqual([1.5, -2]);
    expect([...small.tensors.get("c")!.data]).toEqual([7, 8, 9]);
  });
});

describe("shards", () => {
  const tensor = (x: number): Tensor => ({ dtype: "F32", shape: [1], data: bytesOf(Float32Array.of(x)) });

  it("are read through their index", async () => {
    await writeSafetensors(scratch("m-1-of-2.safetensors"), new Map([["a", tensor(1)]]));
    await writeSafetensors(
      scratch("m-2-of-2.safetensors"),
      new Map([
        ["b", tensor(2)],
        ["c", tensor(3)],
      ]),
    );
    const index = {
      metadata: { total_size: 12, format: "pt" },
      weight_map: { a: "m-1-of-2.safetensors", c: "m-2-of-2.safetensors", b: "m-2-of-2.safetensors" },
    };
    writeFileSync(scratch("m.safetensors.index.json"), JSON.stringify(index));
    const { tensors, metadata } = await readSafetensors(scratch("m.safetensors.index.json"));
    expect([...tensors].map(([name, t]) => [name, toFloat32(t)[0]])).toEqual([
      ["a", 1],
      ["c", 3],
      ["b", 2],
    ]);
    expect(metadata).toEqual({ format: "pt" });
  });

  it.each([
    [
      "outside the folder",
      { a: "../m-1-of-2.safetensors" },
      /name of a \.safetensors file in the same folder/,
    ],
    ["that are missing", { a: "gone.safetensors" }, /no file "gone/],
    ["without the tensor", { nothing: "m-1-of-2.safetensors" }, /tensor "nothing": got none in m-1-of-2/],
    ["that are no name", { a: 3 }, /got the shard 3/],
  ])("%s are refused", async (_, weight_map, message) => {
    writeFileSync(scratch("bad.index.json"), JSON.stringify({ weight_map }));
    await expect(readSafetensors(scratch("bad.index.json"))).rejects.toThrow(message);
    await expect(readSafetensors(scratch("bad.index.json"))).rejects.toThrow(ArgumentError);
  });
});

describe("a damaged index of shards", () => {
  it("costs an ArgumentError each time", async () => {
    const one: Tensor = { dtype: "F32", shape: [1], data: new Uint8Array(4) };
    await writeSafetensors(
      scratch("s-1-of-1.safetensors"),
      new Map([
        ["a", one],
        ["b", one],
      ]),
    );
    const index = {
      metadata: { total_size: 8 },
      weight_map: { a: "s-1-of-1.safetensors", b: "s-1-of-1.safetensors" },
    };
    const mutants = caseCount(1_000, ON_DISK);
    const report = await fuzz([Buffer.from(JSON.stringify(index))], mutants, 13, async (bytes) => {
      writeFileSync(scratch("fuzz.index.json"), bytes);
      await readSafetensors(scratch("fuzz.index.json"));
    });
    expect(report.largestAllocation).toBeLessThan(1e6);
    expect(report.refusedCount).toBeGreaterThan(mutants / 2);
  });
});

describe("a file that is wrong", () => {
  const f32 = (start: number, end: number, shape: unknown = [(end - start) / 4]) => ({
    dtype: "F32",
    shape,
    data_offsets: [start, end],
  });
  it.each<[string, Uint8Array, RegExp]>([
    ["is empty", new Uint8Array(), /0 bytes.*cut short/],
    ["is shorter than its length field", new Uint8Array(7), /7 bytes/],
    ["has a header larger than the file", file({}, 0, 1000n), /header of 1,000 bytes in a file of 10/],
    [
      "has a header beyond the limit",
      file({}, 0, 2n ** 63n),
      /header of 9,223,372,036,854,775,808 bytes, expected at most 100000000/,
    ],
    ["has no JSON", file("{nonsense}", 0), /broken JSON/],
    ["has no object", file("[1]", 0), /does not begin with \{/],
    [
      "has bytes that are no UTF-8",
      file('{"\ufffd":1}'.replace("\ufffd", "?"), 0).map((b) => (b === 63 ? 0xff : b)),
      /not UTF-8/,
    ],
    [
      "has a name twice",
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      /name "a" twice/,
    ],
    ["nests deeply", file(`{"a":${"[".repeat(50)}${"]".repeat(50)}}`, 0), /nested deeper than 3/],
    ["has an unknown type", file({ a: { dtype: "F4", shape: [2], data_offsets: [0, 1] } }, 1), /the type F4/],
    ["has a negative length", file({ a: f32(0, 4, [-1]) }, 4), /whole numbers/],
    ["has a broken length", file({ a: f32(0, 4, [0.5, 2]) }, 4), /whole numbers/],
    ["has a product that overflows", file({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /product below 2\^53/],
    [
      "hides an overflow behind a zero",
      file({ a: f32(0, 0, [2 ** 40, 2 ** 40, 0]) }, 0),
      /product below 2\^53/,
    ],
    ["has more data than shape", file({ a: f32(0, 8, [1]) }, 8), /4 bytes for F32 of shape \[1\]/],
    ["runs backwards", file({ a: f32(8, 4, [1]) }, 8), /data_offsets \[8,4\]/],
    [
      "overlaps",
      file({ a: f32(0, 8), b: f32(4, 12) }, 12),
      /"b": got data from byte 4 on, expected from byte 8 on, without overlap/,
    ],
    [
      "has a hole",
      file({ a: f32(0, 4), b: f32(8, 12) }, 12),
      /"b": got data from byte 8 on, expected from byte 4 on, without a hole/,
    ],
    ["begins with a hole", file({ a: f32(4, 8) }, 8), /expected from byte 0 on/],
    ["is cut short", file({ a: f32(0, 8) }, 7), /7 bytes of data, expected 8.*cut short/],
    ["has too much at the end", file({ a: f32(0, 8) }, 9), /9 bytes of data, expected 8/],
    ["has metadata of numbers", file({ __metadata__: { a: 1 } }, 0), /__metadata__.*object of strings/],
    ["has an incomplete tensor", file({ a: { dtype: "F32" } }, 0), /incomplete description/],
  ])("that %s is refused in one line", (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, "m.safetensors")).toThrow(message);
    try {
      parseSafetensors(bytes, "m.safetensors");
    } catch (error) {
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as Error).message).not.toContain("\n");
      expect((error as Error).message.startsWith("m.safetensors")).toBe(true);
    }
  });

  it("on disk is refused alike, whether missing, a folder, cut short or not for us to read", async () => {
    await expect(readSafetensors(scratch("nowhere.safetensors"))).rejects.toThrow(/no such file/);
    mkdirSync(scratch("folder.safetensors"));
    await expect(readSafetensors(scratch("folder.safetensors"))).rejects.toThrow(
      /got a folder, expected a file/,
    );
    writeFileSync(scratch("short.safetensors"), file({ a: f32(0, 8) }, 7));
    await expect(readSafetensors(scratch("short.safetensors"))).rejects.toThrow(/cut short/);
    writeFileSync(scratch("a-file"), "");
    await expect(readSafetensors(scratch("a-file/m.safetensors"))).rejects.toThrow(/no such file/);
    await expect(readSafetensors("/dev/null")).rejects.toThrow(/not a regular file/);
  });

  it("costs an ArgumentError for damaged ones, in little time and memory", async () => {
    const small = new Map<string, Tensor>([
      ["conv1.weight", { dtype: "F32", shape: [2, 1, 3], data: new Uint8Array(24) }],
      ["mask", { dtype: "BOOL", shape: [5], data: new Uint8Array(5) }],
      ["y", { dtype: "I64", shape: [2], data: new Uint8Array(16) }],
    ]);
    const count = caseCount(4_000, 100_000);
    const bases = [encode(small, { format: "pt", method: "phew" }), encode(new Map([...small].slice(1)))];
    const report = await fuzz(bases, count, 11, (bytes) => parseSafetensors(bytes));
    expect(report.largestAllocation).toBeLessThan(1e6);
    expect(report.refusedCount).toBeGreaterThan(count / 2);
    const onDisk = await fuzz(bases, caseCount(500, ON_DISK), 12, async (bytes) => {
      writeFileSync(scratch("fuzz.safetensors"), bytes);
      await readSafetensors(scratch("fuzz.safetensors"));
    });
    expect(onDisk.largestAllocation).toBeLessThan(1e6);
  });
});

describe("writing a file whole", () => {
  const folder = (name: string) => {
    mkdirSync(scratch(name));
    return (file: string) => `${scratch(name)}/${file}`;
  };

  it("refuses one that exists unless forced, and replaces it then", async () => {
    const at = folder("exists");
    await writeWhole(at("m"), [Uint8Array.of(1)]);
    await expect(writeWhole(at("m"), [Uint8Array.of(2)])).rejects.toThrow(/a file that exists.*--force/);
    expect([...readFileSync(at("m"))]).toEqual([1]);
    await writeWhole(at("m"), [Uint8Array.of(2)], { force: true });
    expect([...readFileSync(at("m"))]).toEqual([2]);
    expect(readdirSync(dirname(at("m")))).toEqual(["m"]);
  });

  it("leaves nothing behind when its source fails, and the old file as it was", async () => {
    const at = folder("fails");
    writeFileSync(at("m"), "old");
    async function* failing() {
      yield new Uint8Array(3 * 2 ** 20);
      throw new Error("the source failed");
    }
    await expect(writeWhole(at("m"), failing(), { force: true })).rejects.toThrow("the source failed");
    expect(readdirSync(dirname(at("m")))).toEqual(["m"]);
    expect(readFileSync(at("m"), "utf8")).toBe("old");
  });

  it("refuses folders, devices and missing folders, forced or not", async () => {
    const at = folder("places");
    for (const force of [false, true]) {
      await expect(writeWhole(scratch("places"), [], { force })).rejects.toThrow(/got a folder/);
      await expect(writeWhole("/dev/null", [], { force })).rejects.toThrow(/no regular file/);
      await expect(writeWhole(at("no/such/m"), [], { force })).rejects.toThrow(
        /does not exist.*Create it first/,
      );
    }
    symlinkSync(at("nowhere"), at("dangling"));
    await expect(writeWhole(at("dangling"), [])).rejects.toThrow(/no regular file/);
  });

  it("refuses a read-only folder", async () => {
    const at = folder("read-only");
    chmodSync(dirname(at("m")), 0o555);
    // root may write anywhere: be nobody for a moment
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chmodSync(dirname(dirname(at("m"))), 0o755);
    if (isRoot) process.seteuid!(65534);
    try {
      await expect(writeWhole(at("m"), [Uint8Array.of(1)])).rejects.toThrow(/may not be written/);
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(dirname(at("m")), 0o755);
    }
    expect(readdirSync(dirname(at("m")))).toEqual([]);
  });

  it("joins small chunks and writes large ones as they are, in order", async () => {
    const at = folder("chunks");
    const chunks = [10, 2 ** 20, 5, 3 * 2 ** 20, 2 ** 19, 2 ** 19, 2 ** 19, 1].map((n, k) =>
      new Uint8Array(n).fill(k),
    );
    await writeWhole(at("m"), chunks);
    expect(readFileSync(at("m")).equals(Buffer.concat(chunks))).toBe(true);
  });
});
