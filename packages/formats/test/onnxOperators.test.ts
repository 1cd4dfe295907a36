import { describe, expect, it } from "vitest";
import { importOnnx } from "../src/index.ts";
import { label, onnxCases } from "./onnxCases.ts";
import { onnxFile } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, predict, runOnnx } from "./onnxRun.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

describe("what ONNX's operations become", () => {
  it.each(onnxCases)("$name", async ({ file, becomes }) => {
    const { network } = await importOnnx(onnxFile(file), { name: "model" });
    const [, first, ...rest] = network.nodes.map(({ op }) => label(op));
    expect(["conv2d", "dense"]).toContain(first);
    expect(rest).toEqual(becomes);
  });

  it.skipIf(!hasRuntime)(
    "gives onnxruntime's outputs, every one (skipped without python3 and onnxruntime)",
    async () => {
      const models = await Promise.all(
        onnxCases
          .filter(({ runs, becomes }) => runs !== false && !becomes.includes("opaque"))
          .map(async ({ name, file }) => {
            const model = onnxFile(file);
            const { network, weights } = await importOnnx(model);
            return {
              name,
              model,
              network,
              weights,
              x: batchFor(network, 2),
              shape: [2, ...network.inputShape],
            };
          }),
      );
      const outputs = runOnnx(scratch("operators"), models);
      for (const { name, network, weights, x } of models) {
        expect(distance(predict(network, weights, x, 2), outputs.get(name)!), name).toBeLessThan(1e-4);
      }
    },
  );
});
