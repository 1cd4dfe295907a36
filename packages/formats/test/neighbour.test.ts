/** Files that name others: links as in the cache of Hugging Face are followed, ways out of the folder are not. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { float32Tensor, readSafetensors, writeSafetensors } from "../src/index.ts";
import { readOnnx } from "../src/onnx/onnx.ts";
import { readTfjs } from "../src/tfjs/importTfjs.ts";
import { onnxFile } from "./onnxFile.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();
const WEIGHTS = Float32Array.from({ length: 10 }, (_, k) => k / 4);
const BYTES = new Uint8Array(WEIGHTS.buffer);

interface Kind {
  readonly kind: string;
  readonly main: string;
  readonly neighbour: string;
  /** The file that names `neighbour` in these words. */
  content(neighbour: string): string | Uint8Array;
  write(path: string): Promise<void> | void;
  read(path: string): Promise<Float32Array>;
}

const KINDS: readonly Kind[] = [
  {
    kind: "ONNX with external data",
    main: "m.onnx",
    neighbour: "m.onnx.data",
    content: (location) =>
      onnxFile({
        inputs: { x: ["n", 5] },
        nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"] }],
        tensors: { w: { dims: [5, 2], values: [], external: { location } } },
      }),
    write: (path) => writeFileSync(path, BYTES),
    read: async (path) => (await readOnnx(path)).weights.get("w")!,
  },
  {
    kind: "an index of safetensors",
    main: "m.safetensors.index.json",
    neighbour: "m-1.safetensors",
    content: (shard) => JSON.stringify({ weight_map: { w: shard } }),
    write: (path) =>
      writeSafetensors(path, new Map([["w", float32Tensor([10], WEIGHTS)]]), {}, { force: true }),
    async read(path) {
      const { data } = (await readSafetensors(path)).tensors.get("w")!;
      return new Float32Array(data.slice().buffer);
    },
  },
  {
    kind: "a model.json of TensorFlow.js",
    main: "model.json",
    neighbour: "group1-shard1of1.bin",
    content: (shard) =>
      JSON.stringify({
        modelTopology: {
          class_name: "Sequential",
          config: [
            {
              class_name: "Dense",
              config: { name: "d", units: 2, use_bias: false, batch_input_shape: [null, 5] },
            },
          ],
        },
        weightsManifest: [
          { paths: [shard], weights: [{ name: "d/kernel", shape: [5, 2], dtype: "float32" }] },
        ],
      }),
    write: (path) => writeFileSync(path, BYTES),
    read: async (path) => (await readTfjs(path)).weights.get("d/kernel")!,
  },
];

describe.each(KINDS)("$kind", ({ kind, main, neighbour, content, write, read }) => {
  const at = (name: string) => scratch(`${kind.slice(0, 5)}-${name}`);
  /** blobs/1 and blobs/2 under names of their own in snapshots/a, as the cache of Hugging Face. */
  const cache = async (name: string, blob: string) => {
    for (const folder of ["blobs", "snapshots/a"]) mkdirSync(`${at(name)}/${folder}`, { recursive: true });
    mkdirSync(at(`${name}-elsewhere`), { recursive: true });
    writeFileSync(`${at(name)}/blobs/1`, content(neighbour));
    symlinkSync("../../blobs/1", `${at(name)}/snapshots/a/${main}`);
    symlinkSync(blob, `${at(name)}/snapshots/a/${neighbour}`);
    return `${at(name)}/snapshots/a/${main}`;
  };

  it("is read through links into the folder where the file that names it lies", async () => {
    const path = await cache("cache", "../../blobs/2");
    // a shard must end as its format does
    const shard = `${at("cache")}/blobs/2`;
    await write(`${shard}.safetensors`);
    symlinkSync("2.safetensors", shard);
    expect([...(await read(path))].sort()).toEqual([...WEIGHTS].sort());
  });

  it("is read through a link that stays in the folder", async () => {
    mkdirSync(`${at("inside")}/deep`, { recursive: true });
    writeFileSync(`${at("inside")}/${main}`, content(neighbour));
    await write(`${at("inside")}/deep/${neighbour}`);
    symlinkSync(`deep/${neighbour}`, `${at("inside")}/${neighbour}`);
    expect(await read(`${at("inside")}/${main}`)).toHaveLength(10);
  });

  it("is refused behind a link to anywhere else, and the line says where that leads", async () => {
    const path = await cache("out", `../../../${at("out-elsewhere").split("/").at(-1)}/2`);
    await write(`${at("out-elsewhere")}/2`);
    await expect(read(path)).rejects.toThrow(
      /a link to \/.*elsewhere\/2, expected a file in the folder of .*, or in .*blobs, where that links to/,
    );
    const plain = at("plain");
    mkdirSync(plain);
    writeFileSync(`${plain}/${main}`, content(neighbour));
    symlinkSync(`${at("out-elsewhere")}/2`, `${plain}/${neighbour}`);
    await expect(read(`${plain}/${main}`)).rejects.toThrow(/a link to .*, expected a file in the folder of/);
  });

  it("is missed behind a link to nothing, and refused where it is a folder", async () => {
    await expect(read(await cache("broken", "../../blobs/3"))).rejects.toThrow(
      "a link to ../../blobs/3, where no file is",
    );
    const path = await cache("folder", "../../blobs/3");
    mkdirSync(`${at("folder")}/blobs/3`);
    await expect(read(path)).rejects.toThrow("which is no regular file");
  });

  it.each(["../secret", "/etc/hostname", "deep/../../secret"])("is refused by the name %s", async (name) => {
    const folder = at("names");
    mkdirSync(folder, { recursive: true });
    await write(at("secret"));
    writeFileSync(`${folder}/${main}`, content(name));
    await expect(read(`${folder}/${main}`)).rejects.toThrow(/file in the (same )?folder/);
  });
});
