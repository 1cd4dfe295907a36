/** A model with external data that is exported onto itself: right when it is done, whole when it is killed. */
import { cpSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readOnnx, readSafetensors, toFloat32, writeSafetensors } from "@phew/formats";
import { describe, expect, it } from "vitest";
import { phew, phewProcess, scratchFolder } from "./phew.ts";

const FIXTURES = fileURLToPath(new URL("../../../packages/formats/test/fixtures/torch/", import.meta.url));

/** Kills the process, as nothing can catch, before the first operation of that name on a file that is in the way. */
const killingBefore = (operation: string) => {
  const code = `
    import fs from "node:fs/promises";
    import { syncBuiltinESMExports } from "node:module";
    const real = fs.${operation};
    fs.${operation} = (path, ...rest) => /partial$/.test(path) === ${operation === "rename"} ? process.kill(process.pid, "SIGKILL") : real(path, ...rest);
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` };
};

describe("export --force onto its own source", () => {
  const prepared = async () => {
    const folder = scratchFolder();
    for (const suffix of ["", ".data"])
      cpSync(`${FIXTURES}mlp-dynamo.onnx${suffix}`, `${folder}/mlp-dynamo.onnx${suffix}`);
    const { tensors } = await readSafetensors(`${FIXTURES}mlp.safetensors`);
    await writeSafetensors(`${folder}/x.safetensors`, new Map([["x", tensors.get("x")!]]));
    const prune = "prune mlp-dynamo.onnx --method magnitude --density 0.1 --out masks.safetensors".split(" ");
    expect(await phew(prune, folder)).toMatchObject({ exitCode: 0 });
    return folder;
  };
  const args = ["export", "mlp-dynamo.onnx", "--masks", "masks.safetensors", "--form", "zeroed"];
  const inPlace = [...args, "--out", "mlp-dynamo.onnx", "--force"];
  const logits = async (folder: string, out: string, ...more: string[]) => {
    const predict = ["predict", "mlp-dynamo.onnx", "--batch", "x.safetensors", "--out", out, ...more];
    expect(await phew(predict, folder)).toMatchObject({ exitCode: 0 });
    return toFloat32((await readSafetensors(`${folder}/${out}`)).tensors.get("logits")!);
  };

  it("gives the masked network's outputs, and leaves one model and its data", async () => {
    const folder = await prepared();
    const expected = await logits(folder, "before.safetensors", "--masks", "masks.safetensors");
    expect(await phew(inPlace, folder)).toMatchObject({ exitCode: 0 });
    const given = await logits(folder, "after.safetensors");
    for (const [k, value] of expected.entries()) expect(given[k]).toBeCloseTo(value, 5);
    const models = readdirSync(folder).filter((file) => file.startsWith("mlp"));
    expect(models).toEqual(["mlp-dynamo.onnx", "mlp-dynamo.onnx.1.data"]);
  });

  it.each([
    ["rename", "old"],
    ["unlink", "new"],
  ])("killed before its %s it is the %s model with its own data", async (operation, wanted) => {
    const folder = await prepared();
    const old = (await readOnnx(`${folder}/mlp-dynamo.onnx`)).weights;
    expect((await phewProcess(inPlace, folder, killingBefore(operation))).exitCode).toBe(null);
    expect(readdirSync(folder).filter((file) => file.endsWith(".data"))).toHaveLength(2);
    const now = (await readOnnx(`${folder}/mlp-dynamo.onnx`)).weights;
    if (wanted === "old") expect(now).toEqual(old);
    else expect(now).not.toEqual(old);
  });
});
