import { readFileSync, writeFileSync } from "node:fs";
import { crc32, deflateRawSync } from "node:zlib";
import { ArgumentError } from "@phew/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount } from "../../../vitest.long.ts";
import { npyChunks, parseNpy } from "../src/npy.ts";
import { npzChunks, parseNpz, readNpz } from "../src/npz.ts";
import { openBytes } from "../src/readFile.ts";
import { gather, rowMajorStrides } from "../src/strides.ts";
import { type Dtype, ELEMENT_BYTES, type Tensor, toFloat32 } from "../src/tensor.ts";
import { writeNpz } from "../src/writeNpz.ts";
import { readZip, zipChunks } from "../src/zip.ts";
import { fuzz } from "./fuzz.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const joined = (chunks: Iterable<Uint8Array>) => new Uint8Array(Buffer.concat([...chunks]));
const npy = (tensor: Tensor) => joined(npyChunks(tensor));
const NUMPY_TYPES = (Object.keys(ELEMENT_BYTES) as Dtype[]).filter((dtype) => dtype !== "BF16");

/** A version 1 file with this header and this many zero bytes. */
function withHeader(header: string, dataBytes = 0): Uint8Array {
  const text = `${header}\n`;
  const head = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  head.writeUInt16LE(text.length, 8);
  return new Uint8Array(Buffer.concat([head, Buffer.from(text, "latin1"), Buffer.alloc(dataBytes)]));
}

const anyTensor = fc
  .tuple(fc.constantFrom(...NUMPY_TYPES), fc.array(fc.nat(4), { maxLength: 4 }))
  .chain(([dtype, shape]) => {
    const length = shape.reduce((a, b) => a * b, 1) * ELEMENT_BYTES[dtype];
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((data): Tensor => ({ dtype, shape, data }));
  });

describe("npy and npz", () => {
  it("give any arrays back bit for bit, from memory and from disk", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ unit: "binary" }), anyTensor, { maxKeys: 4 }),
        async (arrays) => {
          const tensors = new Map(Object.entries(arrays));
          const back = await parseNpz(joined(npzChunks(tensors)));
          expect(back).toEqual(tensors);
          await writeNpz(scratch("any.npz"), tensors, { force: true });
          expect(await readNpz(scratch("any.npz"))).toEqual(tensors);
        },
      ),
      { numRuns: 50 },
    );
  });

  it.skipIf(!pythonHas("numpy"))(
    "are what numpy.load reads, and byte for byte what numpy.save writes, 12 types",
    async () => {
      runPython(
        `import sys, numpy as np
r = np.random.default_rng(3)
a = {f"{t}.w": (r.standard_normal((2, 3, 5)) * 9).astype(t) for t in ["b1","u1","i1","u2","i2","f2","u4","i4","f4","u8","i8","f8"]}
a |= {"one": np.float32(2.5), "empty": np.zeros((0, 7), "<f4"), "long": np.arange(12345), "ü/weight": np.ones((3,), "|b1"), "deep": np.zeros((1,) * 12)}
np.savez(sys.argv[1] + "theirs.npz", **a)
np.savez_compressed(sys.argv[1] + "packed.npz", **a)
np.save(sys.argv[1] + "theirs.npy", a["f2.w"])`,
        scratch("numpy-"),
      );
      const tensors = await readNpz(scratch("numpy-theirs.npz"));
      expect(tensors.size).toBe(17);
      await writeNpz(scratch("ours.npz"), tensors);
      const same = runPython(
        `import sys, numpy as np
a, b = (np.load(name) for name in sys.argv[1:])
print(a.files == b.files and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a.files))`,
        scratch("numpy-theirs.npz"),
        scratch("ours.npz"),
      );
      expect(same.trim()).toBe("True");
      expect(await readNpz(scratch("numpy-packed.npz"))).toEqual(tensors);
      const array = parseNpy(new Uint8Array(readFileSync(scratch("numpy-theirs.npy"))));
      expect(array).toEqual(tensors.get("f2.w"));
      expect(Buffer.from(npy(array)).equals(readFileSync(scratch("numpy-theirs.npy")))).toBe(true);
    },
  );

  it.skipIf(!pythonHas("numpy"))(
    "bring Fortran's order and big-endian arrays into row-major little-endian",
    async () => {
      runPython(
        `import sys, numpy as np
a = np.arange(2 * 3 * 4).reshape(2, 3, 4)
np.savez(sys.argv[1], **{f"{t}{o}": a.astype(t, order=o) for t in ["<f4", ">f4", ">i8", ">f2", "|u1", ">f8"] for o in "CF"})`,
        scratch("orders.npz"),
      );
      const tensors = await readNpz(scratch("orders.npz"));
      expect(tensors.size).toBe(12);
      for (const tensor of tensors.values()) {
        expect(tensor.shape).toEqual([2, 3, 4]);
        expect([...toFloat32(tensor)]).toEqual(Array.from({ length: 24 }, (_, k) => k));
      }
    },
  );

  it("read headers of versions 2 and 3, in any order of keys and both kinds of quotes", () => {
    const dictionary = "{\"shape\": (2L, 1), \"fortran_order\": False, 'descr': '<i2'}";
    for (const version of [2, 3]) {
      const head = Buffer.from("\x93NUMPY\x02\x00\x00\x00\x00\x00", "latin1");
      head[6] = version;
      head.writeUInt32LE(dictionary.length, 8);
      const file = Buffer.concat([head, Buffer.from(dictionary), Buffer.from([1, 0, 2, 0])]);
      expect(parseNpy(new Uint8Array(file))).toEqual({
        dtype: "I16",
        shape: [2, 1],
        data: Uint8Array.of(1, 0, 2, 0),
      });
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /does not begin as NumPy's do/],
    ["a version to come", withHeader("{}").map((b, k) => (k === 6 ? 4 : b)), /version 4/],
    [
      "a header longer than the file",
      withHeader("{}").map((b, k) => (k === 9 ? 1 : b)),
      /header of 259 bytes/,
    ],
    ["a header of code", withHeader("__import__('os').system('true')"), /in its header/],
    ["objects", withHeader("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8), /can run code/],
    [
      "records",
      withHeader("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4),
      /an array of records/,
    ],
    ["text", withHeader("{'descr': '<U5', 'fortran_order': False, 'shape': (1,), }", 20), /the type '<U5'/],
    [
      "complex numbers",
      withHeader("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8),
      /the type '<c8'/,
    ],
    [
      "a key twice",
      withHeader("{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", 4),
      /the key 'descr' twice/,
    ],
    [
      "another key",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': True}", 4),
      /other keys/,
    ],
    [
      "a negative length",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4),
      /no tuple of whole numbers/,
    ],
    [
      "a product that overflows",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
      /below 2\^53/,
    ],
    [
      "too little data",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,), }", 4),
      /4 bytes of data, expected 17179869184/,
    ],
    [
      "too much data",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5),
      /5 bytes of data, expected 4/,
    ],
    [
      "more after the dictionary",
      withHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + 1", 4),
      /more after/,
    ],
    [
      "numbers for a flag",
      withHeader("{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}", 4),
      /in its header/,
    ],
  ])("refuse %s", (_, bytes, message) => {
    expect(() => parseNpy(bytes)).toThrow(message);
    expect(() => parseNpy(bytes)).toThrow(ArgumentError);
  });

  it("have no BF16", () => {
    expect(() => npyChunks({ dtype: "BF16", shape: [1], data: new Uint8Array(2) })).toThrow(
      /a type that NumPy has/,
    );
  });
});

describe("a zip archive", () => {
  /** An archive of one entry whose fields may lie. */
  function archive(
    content: Uint8Array,
    lies: { method?: number; size?: number; crc?: number } = {},
  ): Uint8Array {
    const bytes = joined(zipChunks([["a", [content]]]));
    const view = new DataView(bytes.buffer);
    const directory = bytes.length - 22 - 47;
    if (lies.method !== undefined) view.setUint16(directory + 10, lies.method, true);
    if (lies.size !== undefined) view.setUint32(directory + 24, lies.size, true);
    if (lies.crc !== undefined) view.setUint32(directory + 16, lies.crc, true);
    return bytes;
  }
  const readAll = async (bytes: Uint8Array) => {
    const contents: Uint8Array[] = [];
    for (const entry of (await readZip(openBytes("a.zip", bytes))).values())
      contents.push(await entry.read());
    return contents;
  };

  it("that deflates honestly is read", async () => {
    const content = new Uint8Array(100_000).fill(7);
    const lies = { method: 8, size: content.length, crc: crc32(content) };
    expect(await readAll(archive(deflateRawSync(content), lies))).toEqual([content]);
  });

  it("whose deflated data grows beyond what it claims is refused without growing", async () => {
    const bomb = deflateRawSync(new Uint8Array(2 ** 26));
    await expect(readAll(archive(bomb, { method: 8, size: 1000 }))).rejects.toThrow(/longer than claimed/);
    await expect(readAll(archive(bomb, { method: 8, size: 0xfffffffe }))).rejects.toThrow(
      /claims to grow beyond 1,073,741,824 bytes/,
    );
    await expect(readAll(archive(bomb, { method: 8, size: 2 ** 27 }))).rejects.toThrow(
      /does not match its checksum/,
    );
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["no directory", new Uint8Array(50), /no directory at its end/],
    ["a wrong checksum", archive(new Uint8Array(4), { crc: 1 }), /does not match its checksum/],
    ["two sizes", archive(new Uint8Array(4), { size: 3 }), /size mismatch/],
    ["another compression", archive(new Uint8Array(4), { method: 12 }), /compression of the kind 12/],
    [
      "an entry twice",
      joined(
        zipChunks([
          ["a", []],
          ["a", []],
        ]),
      ),
      /the entry a twice/,
    ],
    ["its end cut off", archive(new Uint8Array(40)).slice(0, -1), /no directory/],
    [
      "its beginning cut off",
      archive(new Uint8Array(40)).slice(10),
      /no entry at its place|broken directory/,
    ],
  ])("with %s is refused", async (_, bytes, message) => {
    await expect(readAll(bytes)).rejects.toThrow(message);
  });

  it("of more than 4 GiB or 65,535 entries is not begun", () => {
    // the pages of this array are never touched
    expect(() => joined(zipChunks([["a", [new Uint8Array(2 ** 32 - 50)]]], "a.npz"))).toThrow(
      /^a\.npz: got 1 entry of 4,294,967,340 bytes, expected at most .*safetensors/,
    );
    const many = Array.from({ length: 65_536 }, (_, k) => [`${k}`, []] as const);
    expect(() => joined(zipChunks(many))).toThrow(/65,536 entries/);
  });

  it("with a 64-bit directory is read", async () => {
    const plain = joined(zipChunks([["a", [Uint8Array.of(1, 2, 3)]]]));
    const end = plain.length - 22;
    const view = new DataView(plain.buffer);
    const [size, offset] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
    const wide = Buffer.alloc(76);
    wide.writeUInt32LE(0x06064b50, 0);
    wide.writeBigUInt64LE(1n, 32);
    wide.writeBigUInt64LE(BigInt(size), 40);
    wide.writeBigUInt64LE(BigInt(offset), 48);
    wide.writeUInt32LE(0x07064b50, 56);
    wide.writeBigUInt64LE(BigInt(end), 64);
    const tail = Buffer.from(plain.slice(end));
    tail.writeUInt32LE(0xffffffff, 16);
    const whole = (t: Buffer) => new Uint8Array(Buffer.concat([plain.slice(0, end), wide, t]));
    expect(await readAll(whole(tail))).toEqual([Uint8Array.of(1, 2, 3)]);
    wide.writeBigUInt64LE(2n ** 63n, 64);
    await expect(readAll(whole(tail))).rejects.toThrow(/a place beyond the archive's end/);
  });
});

const mutants = caseCount(4_000, 100_000);

describe("damaged files", () => {
  const tensors = new Map<string, Tensor>([
    ["conv1.weight", { dtype: "F32", shape: [2, 3], data: new Uint8Array(24) }],
    ["mask", { dtype: "BOOL", shape: [5], data: new Uint8Array(5) }],
  ]);

  it(`of NumPy arrays, ${mutants}, cost an ArgumentError each, little time and little memory`, async () => {
    const bases: Uint8Array[] = [...tensors.values()].map(npy);
    bases.push(withHeader("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 2, 2), }", 64));
    const report = await fuzz(bases, mutants, 21, (bytes) => parseNpy(bytes));
    expect(report.largestAllocation).toBeLessThan(1e6);
    expect(report.refusedCount).toBeGreaterThan(mutants / 4);
    expect(report.acceptedCount).toBeGreaterThan(mutants / 40);
  });

  it(`of archives, ${mutants}, likewise, half of them with deflated entries`, async () => {
    const stored = joined(npzChunks(tensors));
    writeFileSync(scratch("stored.npz"), stored);
    const report = await fuzz([stored, deflated(tensors)], mutants, 22, (bytes) => parseNpz(bytes));
    expect(report.largestAllocation).toBeLessThan(4e6);
    expect(report.refusedCount).toBeGreaterThan(mutants / 2);
  });

  it(`of archives whose checksums are right, ${mutants}: the damage reaches the arrays`, async () => {
    const report = await fuzz([npy(tensors.get("conv1.weight")!)], mutants, 23, (bytes) =>
      parseNpz(joined(zipChunks([["a.npy", [bytes]]]))),
    );
    expect(report.refusedCount).toBeGreaterThan(mutants / 5);
    expect(report.acceptedCount).toBeGreaterThan(mutants / 50);
  });
});

/** The archive with its entries deflated: sizes and methods of both headers changed to suit. */
function deflated(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const packed = [...tensors].map(([name, tensor]) => {
    const content = npy(tensor);
    return { name: `${name}.npy`, content, data: new Uint8Array(deflateRawSync(content)) };
  });
  const bytes = joined(zipChunks(packed.map(({ name, data }) => [name, [data]])));
  const view = new DataView(bytes.buffer);
  let at = view.getUint32(bytes.length - 6, true);
  for (const { content } of packed) {
    view.setUint16(at + 10, 8, true);
    view.setUint32(at + 16, crc32(content), true);
    view.setUint32(at + 24, content.length, true);
    at += 46 + view.getUint16(at + 28, true);
  }
  return bytes;
}

describe("gather", () => {
  it("takes elements in any order of axes, for every width", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 2, 4, 8),
        fc.nat(23),
        (shape, width, turn) => {
          const axes = shape
            .map((_, k) => k)
            .sort((a, b) => ((a * 7 + turn) % 5) - ((b * 7 + turn) % 5) || a - b);
          const count = shape.reduce((a, b) => a * b, 1);
          const source = Uint8Array.from({ length: count * width }, (_, k) => k % 251);
          const strides = axes.map((axis) => rowMajorStrides(shape)[axis]!);
          const result = gather(
            source,
            width,
            axes.map((axis) => shape[axis]!),
            strides,
          );
          const back = axes.map(
            (_, k) => rowMajorStrides(axes.map((axis) => shape[axis]!))[axes.indexOf(k)]!,
          );
          expect(gather(result, width, shape, back)).toEqual(source);
        },
      ),
    );
  });

  it("starts anywhere and repeats along a stride of 0", () => {
    const source = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer);
    const result = toFloat32({ dtype: "F32", shape: [8], data: gather(source, 4, [2, 2, 2], [0, 3, 1], 2) });
    expect([...result]).toEqual([2, 3, 5, 6, 2, 3, 5, 6]);
  });
});
