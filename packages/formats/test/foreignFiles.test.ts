/** Files that are not what their name says, wherever a file is taken, are called what they are. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { ArgumentError, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  float32Tensor,
  readBatch,
  readMasks,
  readModel,
  readTensors,
  readText,
  readWeights,
  safetensorsChunks,
  writeSafetensors,
} from "../src/index.ts";
import { npyChunks } from "../src/npy.ts";
import { zipChunks } from "../src/zip.ts";
import { onnxFile } from "./onnxFile.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const mlp = zooModel("mlp");
const whole = Buffer.concat(safetensorsChunks(new Map([["w", float32Tensor([2], Float32Array.of(1, 2))]])));
const onnx = onnxFile({
  nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: 1 } }],
  inputs: { x: ["n", 4] },
  tensors: { w: { dims: [3, 4], values: [], external: { location: "data.bin", offset: 0, length: 48 } } },
});
const tfjs = JSON.stringify({
  modelTopology: {
    class_name: "Sequential",
    config: [
      { class_name: "Dense", config: { name: "d", units: 3, batch_input_shape: [null, 4], use_bias: false } },
    ],
  },
  weightsManifest: [
    { paths: ["data.bin"], weights: [{ name: "d/kernel", shape: [4, 3], dtype: "float32" }] },
  ],
});

let count = 0;
/** A file with this content in a folder of its own. */
function place(name: string, content: Uint8Array | string): string {
  const folder = scratch(`f${count++}`);
  mkdirSync(folder);
  writeFileSync(`${folder}/${name}`, content);
  return `${folder}/${name}`;
}
function beside(name: string, content: Uint8Array | string, impostor: (path: string) => void): string {
  const path = place(name, content);
  impostor(path.replace(/[^/]*$/, "data.bin"));
  return path;
}

/** Every way in; each is given what makes the impostor at a path. */
type Way = (impostor: (path: string) => void) => Promise<unknown>;
const own =
  (name: string, read: (path: string) => Promise<unknown>): Way =>
  (impostor) => {
    const path = place(name, "");
    execFileSync("rm", [path]);
    impostor(path);
    return read(path);
  };
const named: Record<string, Way> = {
  "a model (.onnx)": own("m.onnx", (path) => readModel(path)),
  "a model (.safetensors)": own("m.safetensors", (path) => readModel(path, { architecture: "mlp" })),
  "a model (.pt)": own("m.pt", (path) => readModel(path, { architecture: "mlp" })),
  "a model (model.json)": own("model.json", (path) => readModel(path)),
  "weights (.npz)": own("w.npz", (path) => readWeights(path, mlp)),
  masks: own("masks.safetensors", (path) => readMasks(path, mlp)),
  "a batch": own("batch.npz", (path) => readBatch(path)),
  "a shard of safetensors": (impostor) => {
    const index = place("index.json", JSON.stringify({ weight_map: { "fc1.weight": "data.safetensors" } }));
    impostor(index.replace(/[^/]*$/, "data.safetensors"));
    return readModel(index, { architecture: "mlp" });
  },
};
/** Raw numbers: any bytes may be right, text is not. */
const raw: Record<string, Way> = {
  "external data of ONNX": (impostor) => readModel(beside("m.onnx", onnx, impostor)),
  "a shard of TensorFlow.js": (impostor) => readModel(beside("model.json", tfjs, impostor)),
};

const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:59\nsize 435852734\n";
const downloads: [string, string, RegExp][] = [
  ["a Git LFS pointer", LFS, /Git LFS pointer to a file of 435,852,734 bytes.*git lfs pull/],
  [
    "an HTML page",
    "\n<!DOCTYPE html>\n<html><body>404</body></html>",
    /an HTML page.*Download the file itself/,
  ],
  ["an HTML page without its type", "<html lang=en><title>Sign in</title>", /an HTML page/],
  ["XHTML", '<?xml version="1.0"?><!-- a --><html xmlns="x">', /an HTML page/],
  [
    "an error of a storage service",
    '<?xml version="1.0"?><Error><Code>AccessDenied</Code>',
    /an XML page \("AccessDenied"\)/,
  ],
  [
    "an error in JSON",
    '{"error":"Repository not found"}',
    /an error message in JSON \("Repository not found"\)/,
  ],
  ["an error in JSON with spaces", '{ "message": "Not Found", "status": "404" }', /in JSON \("Not Found"\)/],
];
const others: [string, Uint8Array, RegExp][] = [
  ["plain text", Buffer.from("Entry not found"), /text that begins "Entry not found"/],
  ["a gzip", gzipSync(whole), /a gzip file.*gunzip/],
  ["a tar", Buffer.concat([Buffer.alloc(257), Buffer.from("ustar\0"), Buffer.alloc(300)]), /a tar archive/],
  [
    "a zip of a model",
    Buffer.concat([...zipChunks([["m.onnx", [whole]]])]),
    /zip archive of other files \(m\.onnx\).*Unpack/,
  ],
  ["text in UTF-16", Buffer.from("\ufeff{}", "utf16le"), /UTF-16/],
  ["nothing", Buffer.alloc(0), /an empty file/],
  ["a pickle", Buffer.from("\x80\x04}.", "latin1"), /a bare Python pickle/],
];

describe("a file of another kind is called what it is, given as", () => {
  const table = [
    ...Object.entries({ ...named, ...raw }).flatMap(([way, read]) =>
      downloads.map(([kind, text, message]) => [way, kind, read, Buffer.from(text), message] as const),
    ),
    ...Object.entries(named).flatMap(([way, read]) =>
      others.map(([kind, bytes, message]) => [way, kind, read, bytes, message] as const),
    ),
  ].filter(([way, kind]) => !(way.includes("shard") && kind === "a zip of a model"));
  it.each(table)("%s: %s", async (way, kind, read, bytes, message) => {
    const reading = read((path) => writeFileSync(path, bytes));
    await expect(reading).rejects.toThrow(ArgumentError);
    // a shard is never but safetensors, and says so of what is no text
    const isPlain = way !== "a shard of safetensors" || downloads.some(([name]) => name === kind);
    if (isPlain) await expect(reading).rejects.toThrow(message);
  });
});

const hasPipes = spawnSync("mkfifo", [scratch("pipe")]).status === 0;
describe.skipIf(!hasPipes)("what is no regular file is refused at once (where mkfifo is), given as", () => {
  it.each(Object.entries({ ...named, ...raw }))("%s", async (_, read) => {
    const pipe = (path: string) => void execFileSync("mkfifo", [path]);
    await expect(read(pipe)).rejects.toThrow(
      /got a pipe, not a regular file|"data.*", which is no regular file/,
    );
    if (!existsSync("/dev/zero")) return;
    const device = (path: string) => void execFileSync("ln", ["-s", "/dev/zero", path]);
    await expect(read(device)).rejects.toThrow(/regular file|in the folder of/);
  });

  it("a text", () => {
    expect(() => readText("/dev/zero")).toThrow(/got a device, not a regular file/);
    expect(() => readText(scratch("pipe"))).toThrow(/got a pipe/);
  });
});

describe("a beginning that only looks like another kind", () => {
  it.each([123, 0x8b1f, 0x6842, 0x5a42 + 0x680000])(
    "is safetensors all the same where the header's length is %i",
    async (length) => {
      const tensors = new Map(
        mlp.parameters.map(({ name, shape }) => {
          const size = shape.reduce((a, b) => a * b, 1);
          return [name, float32Tensor(shape, new Float32Array(size))] as const;
        }),
      );
      const [head, ...data] = safetensorsChunks(tensors, {});
      const json = Buffer.from(head!.subarray(8)).toString().trimEnd();
      if (json.length > length) return readAs(tensors, length + 0x10000);
      await readAs(tensors, length);
      async function readAs(_: unknown, headerBytes: number) {
        const header = Buffer.alloc(8 + headerBytes, " ");
        header.writeBigUInt64LE(BigInt(headerBytes));
        header.write(json, 8);
        const path = place("m.safetensors", Buffer.concat([header, ...data]));
        expect((await readModel(path, { architecture: "mlp" })).network.name).toBe("mlp");
        await expect(readWeights(path, mlp)).resolves.toBeDefined();
      }
    },
  );

  it("is JSON behind a byte order mark", async () => {
    const path = place("model.json", `\ufeff${tfjs}`);
    writeFileSync(path.replace("model.json", "data.bin"), new Uint8Array(48));
    expect((await readModel(path)).network.inputShape).toEqual([4]);
    const index = place(
      "index.json",
      `\ufeff${JSON.stringify({ weight_map: { "fc1.weight": "a.safetensors" } })}`,
    );
    await expect(readWeights(index, mlp)).rejects.toThrow(/no file "a\.safetensors"/);
  });
});

describe("a small archive that would fill the memory is refused", () => {
  it("an .npz whose stored entries overlap", async () => {
    // one array, listed 500 times in the directory
    const array = Buffer.concat(npyChunks(float32Tensor([250_000], new Float32Array(250_000))));
    const names = Array.from({ length: 500 }, (_, k) => `a${String(k).padStart(3, "0")}.npy`);
    const bytes = Buffer.concat([
      ...zipChunks(names.map((name, k) => [name, k === 0 ? [array] : []] as const)),
    ]);
    const directory = bytes.indexOf(Buffer.from("PK\x01\x02", "latin1"));
    for (let at = directory, first = directory; at >= 0; ) {
      // sizes, checksum and place of the first entry
      if (at !== first) {
        bytes.copy(bytes, at + 16, first + 16, first + 28);
        bytes.copy(bytes, at + 42, first + 42, first + 46);
      }
      at = bytes.indexOf(Buffer.from("PK\x01\x02", "latin1"), at + 4);
    }
    await expect(readTensors(place("a.npz", bytes))).rejects.toThrow(/content that overlaps/);
  });

  it("a .pt of many transposed views of one storage (where shared/cases is)", async ({ skip }) => {
    const file = new URL("../../../../shared/cases/attack/windows.pt", import.meta.url).pathname;
    if (!existsSync(file)) skip();
    await expect(readTensors(file)).rejects.toThrow(/transposed views/);
  });

  it("a pickle of millions of empty dictionaries", async () => {
    const pickle = Buffer.concat([Buffer.from("\x80\x02", "latin1"), Buffer.alloc(2 ** 22 + 10, "}")]);
    await expect(
      readTensors(place("a.pt", Buffer.concat([...zipChunks([["m/data.pkl", [pickle]]])]))),
    ).rejects.toThrow(/more than 4,194,304 objects/);
  });
});

describe("texts out of files are cut before they are shown", () => {
  const long = "n".repeat(2_000_000);
  it("a tensor's name of two million letters, missing, unknown or misshapen", async () => {
    const path = scratch("long.safetensors");
    await writeSafetensors(path, new Map([[long, float32Tensor([2], new Float32Array(2))]]));
    for (const read of [() => readWeights(path, mlp), () => readBatch(path), () => readMasks(path, mlp)]) {
      const error = await read().catch((fault: unknown) => fault);
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as Error).message.length).toBeLessThan(5000);
    }
  });

  it("an entry of a zip, a node, a layer", async () => {
    const zip = place("a.npz", Buffer.concat([...zipChunks([["e".repeat(60_000), [whole]]])]));
    const node = place("m.onnx", onnxFile({ nodes: [{ op: "LSTM", name: long, in: ["x"], out: ["y"] }] }));
    const layer = place(
      "model.json",
      JSON.stringify({
        modelTopology: {
          class_name: "Sequential",
          config: [{ class_name: long, config: { name: long, batch_input_shape: [null, 4] } }],
        },
        weightsManifest: [],
      }),
    );
    for (const read of [() => readBatch(zip), () => readModel(node), () => readModel(layer)]) {
      const error = await read().catch((fault: unknown) => fault);
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as Error).message.length).toBeLessThan(5000);
    }
  });
});
