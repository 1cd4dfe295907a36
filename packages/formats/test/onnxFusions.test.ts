import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { caseCount, testSeed } from "../../../vitest.long.ts";
import { importOnnx, UnsupportedOperationsError } from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { ints, numbers } from "./onnxCases.ts";
import { type File, type FileNode, onnxFile } from "./onnxFile.ts";
import { distance, hasRuntime, predict, runOnnx } from "./onnxRun.ts";
import { type Draw, type RandomModel, randomModel } from "./randomOnnx.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

const seeded = (seed: number): RandomModel => {
  const next = uniform(seed);
  return randomModel((least, most) => least + Math.floor(next() * (most - least + 1)));
};

const isDilatedSame = ({ attributes = {} }: FileNode): boolean =>
  String(attributes.auto_pad).startsWith("SAME") && attributes.dilations !== undefined;

/** How far the network is from the graph, node by node; undefined where it is refused or not computed. */
async function error({ file, x, shape, y }: RandomModel): Promise<number | undefined> {
  try {
    const { network, weights } = await importOnnx(onnxFile(file));
    if (network.nodes.some(({ op }) => op.kind === "opaque")) return undefined;
    const scale = Math.max(1, ...y.values.map(Math.abs));
    return distance(predict(network, weights, x, shape[0]!), y.values) / scale;
  } catch (fault) {
    if (fault instanceof UnsupportedOperationsError) return undefined;
    throw fault;
  }
}

describe("nodes that are folded into one another", () => {
  it("give what the graph gives node by node, or are not computed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.gen(), async (gen) => {
        const draw: Draw = (min, max) => gen(fc.integer, { min, max });
        expect((await error(randomModel(draw))) ?? 0).toBeLessThan(1e-5);
      }),
      { seed: testSeed(12), numRuns: caseCount(200, 20_000) },
    );
  });

  it("are computed for more than a quarter of random graphs", async () => {
    const errors = await Promise.all(Array.from({ length: 100 }, (_, seed) => error(seeded(seed))));
    expect(errors.filter((distance) => distance !== undefined).length).toBeGreaterThan(25);
  });

  it.skipIf(!hasRuntime)(
    "are what onnxruntime makes of them one by one (skipped without python3 and onnxruntime)",
    () => {
      const models = Array.from({ length: 120 }, (_, seed) => {
        const model = seeded(seed);
        return { ...model, name: `seed ${seed}`, model: onnxFile(model.file) };
      });
      // its own shapes contradict its windows with ceil_mode, so that it refuses some
      const outputs = runOnnx(scratch("fusions"), models, true);
      expect(outputs.size).toBeGreaterThan(80);
      for (const { name, file, y } of models) {
        const output = outputs.get(name);
        // with SAME it forgets dilations
        if (output === undefined || file.nodes.some(isDilatedSame)) continue;
        const scale = Math.max(1, ...y.values.map(Math.abs));
        expect(distance(output, y.values) / scale, name).toBeLessThan(1e-5);
      }
    },
  );
});

describe("padding by a node of its own before a window that pads to the same size", () => {
  it("gives 1.7778 for ones padded by one at the end, as worked out by hand", async () => {
    const file: File = {
      inputs: { x: ["n", 1, 4, 4] },
      nodes: [
        { op: "Pad", in: ["x", "pads"], out: ["p"] },
        { op: "Conv", in: ["p", "w"], out: ["c"], attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] } },
        { op: "GlobalAveragePool", in: ["c"], out: ["g"] },
        { op: "Flatten", in: ["g"], out: ["y"] },
      ],
      tensors: { pads: ints([0, 0, 0, 0, 0, 0, 1, 1]), w: numbers([1, 1, 1, 1], [1, 1, 2, 2]) },
    };
    const { network, weights } = await importOnnx(onnxFile(file));
    // windows of four, two, and no ones: (4·4 + 0·5) / 9
    expect(predict(network, weights, new Float32Array(16).fill(1), 1)[0]).toBeCloseTo(16 / 9, 6);
  });
});
