import { describe, expect, it } from "vitest";
import { importOnnx } from "../src/index.ts";
import { mostInputs, operators } from "../src/onnx/operators/operators.ts";
import { label, onnxCases } from "./onnxCases.ts";
import { type File, onnxFile } from "./onnxFile.ts";
import { batchFor, distance, hasRuntime, predict, runOnnx } from "./onnxRun.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

/** Two, unless the file has a batch of one. */
const exampleCount = ({ inputs }: File): number => (inputs?.x?.[0] === 1 ? 1 : 2);

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
          .filter(
            ({ runs, becomes, file }) =>
              (runs !== false || exampleCount(file) === 1) && !becomes.includes("opaque"),
          )
          .map(async ({ name, file }) => {
            const count = exampleCount(file);
            const model = onnxFile(file);
            const { network, weights } = await importOnnx(model);
            return {
              name,
              model,
              network,
              weights,
              count,
              x: batchFor(network, count),
              shape: [count, ...network.inputShape],
            };
          }),
      );
      const outputs = runOnnx(scratch("operators"), models);
      for (const { name, network, weights, count, x } of models) {
        expect(distance(predict(network, weights, x, count), outputs.get(name)!), name).toBeLessThan(1e-4);
      }
    },
  );
});

it.skipIf(!pythonHas("onnx"))(
  "operations take as many inputs as in ONNX's schemas (skipped without onnx)",
  () => {
    const script = `
import json, sys, onnx
most = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "": most[schema.name] = max(most.get(schema.name, 0), schema.max_input)
print(json.dumps(most))`;
    const most = JSON.parse(runPython(script)) as Record<string, number>;
    for (const name of Object.keys(operators)) {
      const expected = most[name]! > 1000 ? Number.POSITIVE_INFINITY : most[name];
      expect(mostInputs(name), name).toBe(expected);
    }
  },
);
