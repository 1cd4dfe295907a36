/** Files that look like others, or would fill the memory; apps/runner/test/badInputs.ts has those that are of another kind. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { ArgumentError, zooModel } from "@phew/core";
import { describe, expect, it } from "vitest";
import {
  float32Tensor,
  readBatch,
  readMasks,
  readModel,
  readTensors,
  readWeights,
  safetensorsChunks,
  writeSafetensors,
} from "../src/index.ts";
import { npyChunks } from "../src/npy.ts";
import { zipChunks } from "../src/zip.ts";
import { onnxFile } from "./onnxFile.ts";
import { scratchFolder } from "./scratch.ts";
import { denseTfjs, smallSafetensors } from "./smallFiles.ts";

const scratch = scratchFolder();
const mlp = zooModel("mlp");

let count = 0;
/** A file with this content in a folder of its own. */
function place(name: string, content: Uint8Array | string): string {
  const folder = scratch(`f${count++}`);
  mkdirSync(folder);
  writeFileSync(`${folder}/${name}`, content);
  return `${folder}/${name}`;
}

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
    const path = place("model.json", `\ufeff${denseTfjs("data.bin")}`);
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
    await expect(readTensors(file)).rejects.toThrow(/transposed or negated views/);
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
    const zip = place("a.npz", Buffer.concat([...zipChunks([["e".repeat(60_000), [smallSafetensors]]])]));
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
