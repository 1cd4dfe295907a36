/** Batch normalisation that was folded on export is said, by whatever the program that folded it left behind. */
import { Masks, type Network, NetworkBuilder } from "@phew/core";
import { describe, expect, it } from "vitest";
import { exportModel, readModel } from "../src/index.ts";
import { uniform } from "./fuzz.ts";
import { randomWeights } from "./predict.ts";
import { pythonHas, runPython } from "./python.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

/** Two convolutions and a head, with a normalisation behind each or none. */
function network(isNormed: boolean): Network {
  const b = new NetworkBuilder("small", [4, 6, 6]);
  const norm = (name: string, x: string) => (isNormed ? b.batchNorm(name, x) : x);
  let x = b.relu(norm("bn1", b.conv2d("conv1", b.input, { outChannels: 4, kernel: 3 })));
  x = b.relu(norm("bn2", b.conv2d("conv2", x, { outChannels: 4, kernel: 3 })));
  return b.build(b.dense("fc", b.flatten(x), 3));
}

async function written(name: string, isNormed: boolean): Promise<string> {
  const own = network(isNormed);
  const zoo = { format: "zoo", network: own, weights: randomWeights(own, uniform(61)) } as const;
  await exportModel(scratch(name), zoo, Masks.dense(own), "zeroed");
  return scratch(name);
}

const foldingNotes = async (path: string) =>
  (await readModel(path)).notes.filter((note) => note.includes("batch normalisation was folded into"));

/** Names as programs leave them: of the first convolution's weight, bias and output, and a line of its metadata. */
interface Traces {
  readonly weight?: string;
  readonly bias?: string;
  /** The second convolution's weight, or its bias, is the first one's tensor under this name. */
  readonly tiedWeight?: string;
  readonly tiedBias?: string;
  readonly output?: string;
  readonly metadata?: string;
}

const FOLDED: readonly [string, Traces][] = [
  ["PyTorch's older exporter", { weight: "onnx::Conv_75", bias: "onnx::Conv_76" }],
  ["PyTorch before 1.9", { weight: "545", bias: "546" }],
  ["PyTorch's newer exporter, a convolution without bias", { bias: "conv1.weight_bias" }],
  ["PyTorch's newer exporter, by the output's name", { output: "getitem_3" }],
  [
    "PyTorch's newer exporter, by the rule that folded",
    { metadata: "RemoveOptionalBiasFromConv, FuseBatchNormIntoConv" },
  ],
  ["onnxruntime", { weight: "ConvBnFusion_W_conv1.weight", bias: "ConvBnFusion_BN_B_bn1.bias" }],
  ["tf2onnx", { weight: "model/conv1/Conv2D_weights_fused_bn", bias: "model/conv1/Conv2D_bias_fused_bn" }],
  ["a bias of another module", { bias: "bn1.bias" }],
];
const NOT_FOLDED: readonly [string, Traces][] = [
  ["names of one module", {}],
  ["a weight that was computed on export, a bias that was not", { weight: "onnx::Conv_75" }],
  ["names without modules", { weight: "W", bias: "B" }],
  ["a weight that two layers share, by the name of the first", { tiedWeight: "conv1.weight" }],
  ["a weight that two layers share, by the name of the second", { tiedWeight: "conv2.weight" }],
  ["a weight that two layers share, by a name of neither", { tiedWeight: "decoder.weight" }],
  ["a bias that two layers share, by the name of the first", { tiedBias: "conv1.bias" }],
  ["a bias that two layers share, by the name of the second", { tiedBias: "conv2.bias" }],
];

const RENAME = `
import json, sys, onnx
for source, target, traces in json.loads(sys.argv[1]):
    model = onnx.load(source); graph = model.graph
    node = next(n for n in graph.node if n.op_type == "Conv")
    names = {node.input[1]: traces.get("weight"), node.input[2]: traces.get("bias"), node.output[0]: traces.get("output")}
    names = {old: new for old, new in names.items() if new}
    for n in graph.node:
        for side in (n.input, n.output):
            for k, name in enumerate(side): side[k] = names.get(name, name)
    for tensor in graph.initializer: tensor.name = names.get(tensor.name, tensor.name)
    convs = [n for n in graph.node if n.op_type == "Conv"]
    for k, name in ((1, traces.get("tiedWeight")), (2, traces.get("tiedBias"))):
        if not name: continue
        first, second = convs[0].input[k], convs[1].input[k]
        for tensor in graph.initializer:
            if tensor.name == first: tensor.name = name
            elif tensor.name == second: tensor.name = "unread"
        convs[0].input[k] = convs[1].input[k] = name
    if "metadata" in traces:
        node.metadata_props.add(key="pkg.onnxscript.rewriter.rule_name", value=traces["metadata"])
    onnx.save(model, target)
`;

describe.skipIf(!pythonHas("onnx"))("folding is seen (skipped without python3 and onnx)", () => {
  const all = [...FOLDED, ...NOT_FOLDED];
  const target = (k: number) => scratch(`traces-${k}.onnx`);
  const made = written("plain.onnx", false).then((source) =>
    runPython(RENAME, JSON.stringify(all.map(([, traces], k) => [source, target(k), traces]))),
  );

  it.each(FOLDED.map(([name], k) => [name, k] as const))("by what %s leaves", async (_name, k) => {
    await made;
    expect(await foldingNotes(target(k))).toEqual([
      expect.stringMatching(/folded into 1 of 3 layers.*docs\/pytorch\.md/),
    ]);
  });

  it.each(NOT_FOLDED.map(([name], k) => [name, FOLDED.length + k] as const))(
    "and not in %s",
    async (_name, k) => {
      await made;
      expect(await foldingNotes(target(k))).toEqual([]);
    },
  );
});

describe.skipIf(!pythonHas("onnxruntime"))("onnxruntime (skipped without python3 and onnxruntime)", () => {
  it("folds where it saves what it optimised, and is seen to", async () => {
    const source = await written("normed.onnx", true);
    runPython(
      `import sys, onnxruntime as ort
options = ort.SessionOptions()
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
options.optimized_model_filepath = sys.argv[2]
ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])`,
      source,
      scratch("optimised.onnx"),
    );
    expect(await foldingNotes(source)).toEqual([]);
    expect(
      (await readModel(scratch("optimised.onnx"))).network.nodes.some(({ op }) => op.kind === "batchNorm"),
    ).toBe(false);
    expect(await foldingNotes(scratch("optimised.onnx"))).toEqual([
      expect.stringMatching(/folded into 2 of 3 layers/),
    ]);
  });
});
