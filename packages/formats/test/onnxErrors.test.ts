import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { ArgumentError, Masks, pathSums, prune } from "@phew/core";
import { describe, expect, it } from "vitest";
import { exportOnnx, importOnnx, readOnnx, UnsupportedOperationsError } from "../src/index.ts";
import { ints, numbers, onnxCases } from "./onnxCases.ts";
import { type File, type FileNode, onnxFile, tensor } from "./onnxFile.ts";
import { scratchFolder } from "./scratch.ts";

const scratch = scratchFolder();

/** x (3×8×8) → conv of 4 channels "c" → body to "b" → global mean → dense. */
function around(body: readonly FileNode[], more: Partial<File> = {}): File {
  return {
    ...more,
    nodes: [
      { op: "Conv", in: ["x", "w1"], out: ["c"] },
      ...body,
      { op: "GlobalAveragePool", in: ["b"], out: ["g"] },
      { op: "Flatten", in: ["g"], out: ["f"] },
      { op: "Gemm", in: ["f", "w2"], out: ["y"], attributes: { transB: 1 } },
    ],
    tensors: { w1: tensor([4, 3, 3, 3], 1), w2: tensor([2, 4], 2), ...more.tensors },
  };
}

const importing = (file: File, options = {}) => importOnnx(onnxFile(file), { name: "model", ...options });

async function unsupported(file: File, options = {}): Promise<UnsupportedOperationsError> {
  const error = await importing(file, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UnsupportedOperationsError);
  return error as UnsupportedOperationsError;
}

describe("what no network here can hold", () => {
  it("is a node with more inputs than its operation takes, which would be read by nothing", async () => {
    const error = await unsupported(around([{ op: "Relu", in: ["c", "c"], out: ["b"], name: "both" }]));
    expect(error.message).toContain("Relu (both): it has 2 inputs, where Relu takes at most 1");
  });

  it("is listed all at once: node, operation and why it matters, also behind the first", async () => {
    const error = await unsupported({
      nodes: [
        { op: "Conv", in: ["x", "w1"], out: ["c"] },
        { op: "MeanVarianceNormalization", in: ["c"], out: ["n"], name: "norm" },
        { op: "GridSample", in: ["n", "w1"], out: ["l"], name: "warp" },
        { op: "MatMul", in: ["l", "l"], out: ["m"], name: "scores" },
        { op: "FusedConv", domain: "com.microsoft", in: ["m"], out: ["q"], name: "fused" },
        { op: "If", in: ["q"], out: ["y"], name: "branch" },
      ],
      tensors: { w1: tensor([4, 3, 3, 3], 1), s: tensor([4], 2) },
    });
    // the product is known as an operation; whether it fits depends on what lies before it
    expect(error.nodes.map(({ node, operation }) => `${node} ${operation}`)).toEqual([
      "norm MeanVarianceNormalization",
      "warp GridSample",
      "fused com.microsoft.FusedConv",
      "branch If",
    ]);
    expect(error.message).toContain(
      "MeanVarianceNormalization (norm): it normalises by statistics of the input itself",
    );
    expect(error.message).toContain("GridSample (warp): it moves elements between places or channels");
    expect(error.message).toContain("If (branch): control flow");
    // what it puts out has no shape that is known
    expect(error.message).toContain("--treat-as-opaque does not help");
  });

  it("is listed behind parts that are not read, by kind with a count; what follows from them is no fault", async () => {
    const gate = (k: number, from: string): FileNode[] => [
      { op: "GlobalAveragePool", in: [from], out: [`p${k}`] },
      { op: "Conv", in: [`p${k}`, "v"], out: [`q${k}`] },
      { op: "Sigmoid", in: [`q${k}`], out: [`s${k}`] },
      { op: "Div", in: [from, `s${k}`], out: [`m${k}`], name: `gate${k}` },
      { op: "Conv", in: [`m${k}`, "v"], out: [`c${k}`] },
    ];
    const error = await unsupported(
      around(
        [
          ...gate(1, "c"),
          ...gate(2, "c1"),
          { op: "Softmax", in: ["c2"], out: ["d"], name: "attention", attributes: { axis: 1 } },
          ...gate(3, "d"),
          { op: "Relu", in: ["c3"], out: ["b"] },
        ],
        { tensors: { v: tensor([4, 4, 1, 1], 3) } },
      ),
    );
    expect(error.nodes.map(({ node }) => node)).toEqual(["gate1", "gate2", "attention", "gate3"]);
    expect(error.message).toContain(
      "\n  3 × Div (gate1, gate2, gate3): it is computed from several values, [n, 4, 6, 6] and [n, 4, 1, 1], and has no",
    );
    expect(error.message).toContain("or pass --treat-as-opaque to prune around them");
  });

  it("is listed behind crops and paddings, and nodes that cannot be judged by kind with a count", async () => {
    const crop = (k: number, from: string): FileNode[] => [
      { op: "Pad", in: [from, "cuts"], out: [`s${k}`], name: `crop${k}`, attributes: { mode: "wrap" } },
      {
        op: "Pad",
        in: [`s${k}`, "pads"],
        out: [`p${k}`],
        name: `mirror${k}`,
        attributes: { mode: "wrap" },
      },
      { op: "Conv", in: [`p${k}`, "v"], out: [`c${k}`] },
    ];
    const tensors = {
      v: tensor([4, 4, 1, 1], 3),
      cuts: ints([0, 0, -1, 0, 0, 0, -1, 0]),
      pads: ints([0, 0, 1, 0, 0, 0, 1, 0]),
    };
    const nodes = [...crop(1, "c"), ...crop(2, "c1")];
    const known = await unsupported(around([...nodes, { op: "Relu", in: ["c2"], out: ["b"] }], { tensors }));
    expect(known.nodes.map(({ node }) => node)).toEqual(["crop1", "mirror1", "crop2", "mirror2"]);
    expect(known.message).toContain("or pass --treat-as-opaque to prune around them");
    expect(known.message).not.toContain("could not be judged");
    const hidden = await unsupported(
      around(
        [
          ...nodes,
          { op: "RoiAlign", in: ["c2"], out: ["l"] },
          ...crop(3, "l"),
          ...crop(4, "c3"),
          { op: "TopK", in: ["c4"], out: ["gru"], name: "gated" },
          { op: "Relu", in: ["gru"], out: ["b"], name: "end" },
        ],
        {
          tensors,
        },
      ),
    );
    // what is not read whatever it reads is a fault behind them too
    expect(hidden.nodes.map(({ operation }) => operation)).toEqual([
      ...["Pad", "Pad", "Pad", "Pad"],
      "RoiAlign",
      "TopK",
    ]);
    // crops, mirrors, convolutions, relu, and pooling, flatten and the head around them
    expect(hidden.unjudged.length).toBe(10);
    expect(hidden.message).toContain(
      "\n  10 nodes behind these could not be judged, since the shape of what they read is not known:" +
        "\n    4 × Pad (crop3, mirror3, crop4 and 1 more)\n    2 × Conv (",
    );
    expect(hidden.message).toContain("\n    Relu (end)\n");
  });

  it("is the node that pads or turns, once, not those that read it", async () => {
    const error = await unsupported(
      around(
        [
          { op: "Pad", in: ["c", "pads", "minus"], out: ["p"], name: "pad" },
          { op: "Tanh", in: ["p"], out: ["t"] },
          { op: "Sigmoid", in: ["p"], out: ["s"] },
          { op: "Add", in: ["t", "s"], out: ["b"] },
        ],
        { tensors: { pads: ints([0, 0, 1, 1, 0, 0, 1, 1]), minus: numbers([Number.NEGATIVE_INFINITY], []) } },
      ),
    );
    expect(error.nodes.map(({ node, operation }) => `${node} ${operation}`)).toEqual(["pad Pad"]);
  });

  const body = (...nodes: FileNode[]) => around(nodes);
  const one = (op: string, attributes: FileNode["attributes"] = {}, more: string[] = []): FileNode => ({
    op,
    in: ["c", ...more],
    out: ["b"],
    attributes,
  });
  it.each<[string, File, RegExp]>([
    [
      "a quotient of two values",
      body(
        { op: "Sigmoid", in: ["c"], out: ["s"] },
        { op: "Conv", in: ["x", "w1"], out: ["d"] },
        { op: "Div", in: ["s", "d"], out: ["b"] },
      ),
      /computed from several values.*no weights of its own/,
    ],
    [
      "a product of values that do not meet",
      body(
        { op: "GlobalAveragePool", in: ["c"], out: ["q"] },
        { op: "Flatten", in: ["q"], out: ["flat"] },
        { op: "Unsqueeze", in: ["flat"], out: ["u"], attributes: { axes: [1, 2] } },
        { op: "Mul", in: ["c", "u"], out: ["b"] },
      ),
      /multiplies \[n, 4, 6, 6\] and \[n, 1, 1, 4\]/,
    ],
    [
      "gather of examples",
      around([one("Gather", { axis: 0 }, ["i"])], { tensors: { i: ints([0, 0]) } }),
      /some examples out of the batch/,
    ],
    ...["SAME_UPPER", "SAME_LOWER"].flatMap((same) =>
      ["MaxPool", "AveragePool"].map((op): [string, File, RegExp] => [
        `${op} with ${same} and dilations, which runtimes pad in different ways`,
        around([
          {
            op,
            in: ["c"],
            out: ["b"],
            attributes: { kernel_shape: [2, 2], dilations: [1, 2], auto_pad: same },
          },
        ]),
        /auto_pad SAME beside dilations 1×2/,
      ]),
    ),
    [
      "a padding that goes round",
      around(
        [
          { op: "Pad", in: ["c", "p"], out: ["d"], attributes: { mode: "wrap" } },
          { op: "Conv", in: ["d", "v"], out: ["b"] },
        ],
        { tensors: { p: ints([0, 0, 1, 1, 0, 0, 1, 1]), v: tensor([4, 4, 3, 3], 3) } },
      ),
      /pads by "wrap"/,
    ],
    [
      "a mirror wider than its image",
      around([one("Pad", { mode: "reflect" }, ["p"])], { tensors: { p: ints([0, 0, 6, 0, 0, 0, 0, 0]) } }),
      /mirrors 6 of 6 positions/,
    ],
    [
      "cropping all",
      around([one("Pad", {}, ["p"])], { tensors: { p: ints([0, 0, -6, 0, 0, 0, 0, 0]) } }),
      /leave nothing of an axis of 6/,
    ],
    [
      "channels that are added and not 0",
      around([one("Pad", {}, ["p", "half"])], {
        tensors: { p: ints([0, 1, 0, 0, 0, 0, 0, 0]), half: numbers([0.5], []) },
      }),
      /units of zeros have their place here/,
    ],
    [
      "a cubic resize",
      around([one("Resize", { mode: "cubic" }, ["", "by"])], { tensors: { by: numbers([1, 1, 2, 2]) } }),
      /it resizes by "cubic"/,
    ],
    [
      "a resize of channels",
      around([one("Resize", {}, ["", "by"])], { tensors: { by: numbers([1, 2, 1, 1]) } }),
      /along other axes than those of positions/,
    ],
    [
      "a transposed convolution of other channels",
      around([one("ConvTranspose", {}, ["v"])], { tensors: { v: tensor([3, 4, 2, 2], 3) } }),
      /does not fit 4 channels in 1 group/,
    ],
    ["a softmax in the middle", body(one("Softmax", { axis: 1 })), /normalises over units/],
    [
      "dropout in training",
      around([one("Dropout", {}, ["r", "t"])], {
        tensors: { r: numbers([0.5], []), t: { dims: [], values: [1], type: "bool" } },
      }),
      /training mode/,
    ],
    ["a mean over channels", body(one("ReduceMean", { axes: [1], keepdims: 1 })), /not over all places/],
    [
      "a 1-d convolution of an image",
      {
        ...body(),
        nodes: [{ op: "Conv", in: ["x", "v"], out: ["y"] }],
        tensors: { v: tensor([4, 3, 3], 1) },
      },
      /its weight of shape \[4, 3, 3\] does not fit \[n, 3, 8, 8\]/,
    ],
    [
      "a 3-d convolution of an image",
      {
        ...body(),
        nodes: [{ op: "Conv", in: ["x", "v"], out: ["y"] }],
        tensors: { v: tensor([4, 3, 3, 3, 3], 1) },
      },
      /its weight of shape \[4, 3, 3, 3, 3\] does not fit \[n, 3, 8, 8\]/,
    ],
    [
      "a convolution whose weight is computed from the input",
      body({ op: "Conv", in: ["c", "c"], out: ["b"] }),
      /its weight is computed from the input/,
    ],
    [
      "quantised weights",
      around(
        [
          { op: "DequantizeLinear", in: ["w", "s"], out: ["d"] },
          { op: "Conv", in: ["c", "d"], out: ["b"] },
        ],
        {
          tensors: {
            w: { dims: [4, 4, 1, 1], values: new Array(16).fill(1), type: "uint8" },
            s: numbers([0.1], []),
          },
        },
      ),
      /whole numbers with a scale/,
    ],
  ])("%s", async (_name, file, reason) => {
    const error = await unsupported(file);
    expect(error.nodes[0]!.reason).toMatch(reason);
  });

  it("does not name the last softmax, which it leaves out with a note", async () => {
    const { network, notes } = await importing({
      inputs: { x: ["n", 5] },
      nodes: [
        { op: "Gemm", in: ["x", "w"], out: ["l"] },
        { op: "Softmax", in: ["l"], out: ["p"], attributes: { axis: -1 }, name: "probabilities" },
        { op: "Identity", in: ["p"], out: ["y"] },
      ],
      tensors: { w: tensor([5, 2], 1) },
    });
    expect(network.nodes.map(({ op }) => op.kind)).toEqual(["input", "dense"]);
    expect(notes).toEqual(['"probabilities" (Softmax) at the end is left out: outputs are logits']);
  });
});

describe("parts treated as opaque", () => {
  const file = around(
    [
      { op: "MeanVarianceNormalization", in: ["c"], out: ["n"], name: "norm" },
      { op: "GlobalAveragePool", in: ["n"], out: ["q"] },
      { op: "Div", in: ["n", "q"], out: ["m"], name: "gate" },
      { op: "Resize", in: ["m", "", "scales"], out: ["b"], name: "up", attributes: { mode: "cubic" } },
    ],
    { tensors: { s: tensor([4], 3), scales: numbers([1, 1, 2, 2]) } },
  );

  it("carry every unit to every unit, and say what was assumed", async () => {
    const { network, notes } = await importing(file, { treatAsOpaque: true });
    const opaque = network.nodes.filter(({ op }) => op.kind === "opaque");
    expect(opaque.map(({ name, shape, inputs }) => [name, [...shape], inputs.length])).toEqual([
      ["norm", [4, 6, 6], 1],
      ["gate", [4, 6, 6], 2],
      ["up", [4, 12, 12], 1],
    ]);
    expect(notes.filter((note) => note.includes("is opaque"))).toHaveLength(3);
    expect(notes.join("\n")).toContain('"norm" (MeanVarianceNormalization: it normalises by statistics');
  });

  it("can be walked and summed over, and be written back masked", async () => {
    const model = await importing(file, { treatAsOpaque: true });
    const { network, weights } = model;
    expect(Number.isFinite(pathSums(network, weights, { power: 2 }))).toBe(true);
    const { keptCount } = await prune(network, weights, { method: "phew", density: 0.3, seed: 1 });
    expect(keptCount).toBeGreaterThanOrEqual(Math.floor(0.3 * network.prunableCount));
    const masks = Masks.dense(network);
    masks.bytes.fill(0, 0, 27);
    for (const form of ["zeroed", "compact"] as const) {
      const { model: chunks } = await exportOnnx(model, masks, form);
      const again = await importOnnx(new Uint8Array(Buffer.concat([...chunks])), { treatAsOpaque: true });
      // behind an opaque part every unit counts, so that nothing is cut out
      expect(again.network.prunableCount).toBe(network.prunableCount);
    }
  });

  it("take their shape from the file where the operation does not tell it", async () => {
    const strange = around([{ op: "Strange", domain: "own", in: ["c"], out: ["b"], name: "strange" }], {
      valueInfo: { b: ["n", 4, 3, 3] },
    });
    const { network } = await importing(strange, { treatAsOpaque: true });
    expect(network.nodes.find(({ name }) => name === "strange")!.shape).toEqual([4, 3, 3]);
  });

  it("are refused where no shape is known, with the reason", async () => {
    const strange = around([{ op: "Strange", domain: "own", in: ["c"], out: ["b"], name: "strange" }]);
    const error = await unsupported(strange, { treatAsOpaque: true });
    expect(error.message).toContain(
      "cannot be treated as opaque either, since no opaque part can stand in their place",
    );
  });
});

describe("input shape and batch", () => {
  const open = (dims: readonly (number | string)[]): File => ({
    ...around([{ op: "Relu", in: ["c"], out: ["b"] }]),
    inputs: { x: dims },
  });

  it("asks for the shape where the file leaves it open, and takes it", async () => {
    await expect(importing(open(["n", 3, "h", "w"]))).rejects.toThrow(
      /got shape \[\?, 3, \?, \?\].*--input 3,224,224/,
    );
    const { network } = await importing(open(["n", 3, "h", "w"]), { inputShape: [3, 10, 12] });
    expect(network.inputShape).toEqual([3, 10, 12]);
  });

  it("refuses a shape that the file contradicts", async () => {
    await expect(importing(open(["n", 3, 8, 8]), { inputShape: [3, 8, 9] })).rejects.toThrow(
      "expected 3,8,8, as the file says",
    );
  });

  it.each([
    ["a name", "batch"],
    ["−1", -1],
    ["0", 0],
    ["a fixed length", 5],
  ])("takes any batch where the file has %s", async (_what, batch) => {
    const { network, notes } = await importing(open([batch, 3, 8, 8]));
    expect(network.inputShape).toEqual([3, 8, 8]);
    expect(notes.length).toBe(batch === 5 ? 1 : 0);
  });

  it.each([
    [["n"], /one to four axes/],
    [["n", 3, 8, 8, 8, 8], /one to four axes/],
  ])("refuses inputs of shape %j", async (dims, message) => {
    await expect(importing(open(dims))).rejects.toThrow(message);
  });
});

describe("small files that would take for ever, or all memory", () => {
  const dense = (nodes: readonly FileNode[], more: Partial<File> = {}): File => ({
    inputs: { x: ["n", 4] },
    nodes,
    ...more,
    tensors: { w: tensor([4, 2], 1), ...more.tensors },
  });
  const chain = (count: number, node: (k: number) => Omit<FileNode, "in" | "out">, start = "w"): FileNode[] =>
    Array.from({ length: count }, (_, k) => ({
      ...node(k),
      in: [k === 0 ? start : `k${k - 1}`],
      out: [`k${k}`],
    }));

  it("refuses a function without nodes that is called 2^40 times", async () => {
    const call = (name: string, out: string) => ({ op: name, domain: "f", in: ["a"], out: [out] });
    const functions = Array.from({ length: 41 }, (_, k) => ({
      name: `f${k}`,
      domain: "f",
      in: ["a"],
      out: ["b"],
      nodes: k === 0 ? [] : [call(`f${k - 1}`, "b"), call(`f${k - 1}`, "c")],
    }));
    const nodes = [
      { op: "f40", domain: "f", in: ["x"], out: ["z"] },
      { op: "Gemm", in: ["x", "w"], out: ["y"] },
    ];
    await expect(importing(dense(nodes, { functions }))).rejects.toThrow("nest too deeply or too often");
  });

  it.each<[string, (k: number) => Omit<FileNode, "in" | "out">]>([
    ["Identity", () => ({ op: "Identity" })],
    ["Cast to and fro", (k) => ({ op: "Cast", attributes: { to: k % 2 === 0 ? 11 : 1 } })],
    ["Transpose", () => ({ op: "Transpose", attributes: { perm: [1, 0] } })],
    ["Neg", () => ({ op: "Neg" })],
  ])("reads a weight behind 8,000 nodes of %s", async (_name, node) => {
    const nodes = [...chain(8000, node), { op: "Gemm", in: ["x", "k7999"], out: ["y"] }];
    const { weights } = await importing(dense(nodes));
    const wanted = (await importing(dense([{ op: "Gemm", in: ["x", "w"], out: ["y"] }]))).weights;
    expect([...[...weights.values()][0]!]).toEqual([...wanted.get("w")!]);
  });

  it("reads weights whose names have 100,000 steps, with metadata as long", async () => {
    const long = "a.".repeat(100_000);
    const node = { op: "Gemm", in: ["x", `${long}weight`], out: ["y"], name: `/${long}/Gemm` };
    const metadata = {
      "pkg.torch.onnx.name_scopes": `['', '${long}', 'linear']`,
      "pkg.torch.onnx.fx_node": `%p_${"weight".repeat(100_000)}`,
    };
    const tensors = { [`${long}weight`]: tensor([4, 2], 1), onnx: tensor([2, 2], 1) };
    const last = { op: "MatMul", in: ["y", "onnx::MatMul_1"], out: ["z"], name: `/${long}/MatMul`, metadata };
    const file = dense([node, last], {
      producer: "pytorch",
      tensors: { ...tensors, "onnx::MatMul_1": tensor([2, 2], 3) },
      outputs: { z: ["n", 2] },
    });
    expect((await importing(file)).network.prunableCount).toBe(12);
  });

  it("refuses a large constant that is multiplied by itself again and again", async () => {
    const nodes: FileNode[] = Array.from({ length: 40 }, (_, k) => {
      const from = k === 0 ? "big" : `k${k - 1}`;
      return { op: "Mul", in: [from, from], out: [`k${k}`] };
    });
    const error = await unsupported(
      dense([...nodes, { op: "Gemm", in: ["x", "k39"], out: ["y"] }], {
        tensors: { big: { dims: [4, 20_000], values: new Float32Array(80_000) } },
      }),
    );
    expect(error.nodes.map(({ operation }) => operation)).toEqual(["Mul"]);
    expect(error.message).toContain("in more than 64 passes");
  });

  it("refuses a tensor that has so many names that copies would fill the memory", async () => {
    const shared = { dims: [1000, 1000], values: new Float32Array(1e6).fill(0.5) };
    const nodes: FileNode[] = Array.from({ length: 80 }, (_, k) => [
      { op: "Identity", in: ["shared"], out: [`own${k}`] },
      { op: "Gemm", in: [k === 0 ? "x" : `k${k - 1}`, `own${k}`], out: [k === 79 ? "y" : `k${k}`] },
    ]).flat();
    const file: File = { inputs: { x: ["n", 1000] }, nodes, tensors: { shared } };
    await expect(importing(file)).rejects.toThrow(/a graph that computes more than/);
  });

  it.each(["Mul", "Add", "Max"])("reads a value that doubles 2,000 times by %s with itself", async (op) => {
    const nodes: FileNode[] = Array.from({ length: 2000 }, (_, k) => {
      const from = k === 0 ? "x" : `k${k - 1}`;
      return { op, in: [from, from], out: [`k${k}`] };
    });
    const { network } = await importing(dense([...nodes, { op: "Gemm", in: ["k1999", "w"], out: ["y"] }]));
    expect(network.outputShape).toEqual([2]);
  });
});

describe("files that are not right", () => {
  const dense: File = {
    inputs: { x: ["n", 5] },
    nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"] }],
    tensors: { w: tensor([5, 2], 1) },
  };
  const gemm = (more: Partial<File>): File => ({ ...dense, ...more });
  const relu = (from: string, to: string): FileNode => ({ op: "Relu", in: [from], out: [to] });

  it.each<[string, File, RegExp]>([
    ["too old an opset", gemm({ opset: 8 }), /got opset 8, expected opset 9 to 22/],
    [
      "two inputs of different numbers of examples",
      {
        inputs: { x: [3, 5], z: [4, 5] },
        nodes: [
          { op: "Concat", in: ["x", "z"], out: ["both"], attributes: { axis: 1 } },
          { op: "Gemm", in: ["both", "w"], out: ["y"] },
        ],
        tensors: { w: tensor([10, 2], 1) },
      },
      /input "z": got \[4\] examples beside \[3\] of "x"/,
    ],
    [
      "an output that nobody defines",
      gemm({ outputs: { y: ["n", 2], z: ["n", 2] } }),
      /value "z": got no node, input or initializer/,
    ],
    ["no output", gemm({ outputs: {} }), /got no output/],
    [
      "a value that nobody defines",
      gemm({ nodes: [{ op: "Gemm", in: ["x", "v"], out: ["y"] }] }),
      /value "v": got no node, input or initializer/,
    ],
    [
      "a value defined twice",
      gemm({ nodes: [relu("x", "a"), relu("x", "a"), { op: "Gemm", in: ["a", "w"], out: ["y"] }] }),
      /value "a": got two definitions/,
    ],
    [
      "a cycle",
      gemm({ nodes: [relu("b", "a"), relu("a", "b"), { op: "Gemm", in: ["b", "w"], out: ["y"] }] }),
      /a cycle through it/,
    ],
    [
      "a node that reads itself",
      gemm({ nodes: [relu("a", "a"), { op: "Gemm", in: ["a", "w"], out: ["y"] }] }),
      /a cycle through it/,
    ],
    [
      "an output that does not depend on the input",
      gemm({ nodes: [{ op: "Identity", in: ["w"], out: ["y"] }] }),
      /reads a constant/,
    ],
    [
      "too few bytes",
      gemm({ tensors: { w: { dims: [5, 3], values: [1, 2, 3] } } }),
      /tensor "w": got data of 12 in bytes or elements, expected 60/,
    ],
    ["too many bytes", gemm({ tensors: { w: { dims: [5, 1], values: [1, 2, 3, 4, 5, 6] } } }), /expected 20/],
    [
      "a negative length",
      gemm({ tensors: { w: { dims: [-5, -2], values: new Array(10).fill(0) } } }),
      /shape \[-5, -2\], expected lengths of at least 0/,
    ],
    [
      "a shape beyond all numbers",
      gemm({ tensors: { w: { dims: [2 ** 40, 2 ** 40], values: [1] } } }),
      /lengths of at least 0/,
    ],
    [
      "a bias of the wrong length",
      gemm({
        nodes: [{ op: "Gemm", in: ["x", "w", "b"], out: ["y"] }],
        tensors: { w: tensor([5, 2], 1), b: tensor([3], 1) },
      }),
      /does not hold one number for each of 2 units/,
    ],
    [
      "features that do not fit",
      gemm({ tensors: { w: tensor([4, 2], 1) } }),
      /a weight of shape \[4, 2\] does not fit 5 features/,
    ],
    [
      "an attribute of the wrong type",
      gemm({ nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"], attributes: { transB: "yes" } }] }),
      /attribute transB: got type 3, expected a whole number/,
    ],
    [
      "a function that calls itself",
      gemm({
        nodes: [{ op: "F", domain: "own", in: ["x"], out: ["y"] }],
        functions: [
          {
            name: "F",
            domain: "own",
            in: ["a"],
            out: ["b"],
            nodes: [{ op: "F", domain: "own", in: ["a"], out: ["b"] }],
          },
        ],
      }),
      /nest too deeply/,
    ],
    [
      "a function that grows without end",
      gemm({
        nodes: [{ op: "F", domain: "own", in: ["x"], out: ["y"] }],
        functions: [
          {
            name: "F",
            domain: "own",
            in: ["a"],
            out: ["b"],
            nodes: ["s", "t"].map((out) => ({ op: "F", domain: "own", in: ["a"], out: [out] })),
          },
        ],
      }),
      /nest too deeply or too often/,
    ],
    [
      "an input of more elements than can be held",
      gemm({ inputs: { x: ["n", 2 ** 40] } }),
      /at most 1,073,741,824 elements/,
    ],
    [
      "a split into more parts than can be held",
      gemm({
        inputs: { x: ["n", 2 ** 29] },
        nodes: [
          { op: "SplitToSequence", in: ["x"], out: ["s"], attributes: { axis: 1 } },
          { op: "SequenceAt", in: ["s", "k"], out: ["y"] },
        ],
        tensors: { k: ints([0], []) },
      }),
      /it splits 536870912 into parts of 1/,
    ],
    [
      "a constant that would fill the memory",
      gemm({
        nodes: [
          { op: "ConstantOfShape", in: ["s"], out: ["w"] },
          { op: "Gemm", in: ["x", "w"], out: ["y"] },
        ],
        tensors: { s: ints([5, 2 ** 50]) },
      }),
      /more than shapes and scales have/,
    ],
    [
      "a value with an axis of no length and one beyond all bounds",
      gemm({
        nodes: [
          { op: "Slice", in: ["z", "k", "k"], out: ["w"] },
          { op: "Gemm", in: ["x", "w"], out: ["y"] },
        ],
        tensors: { z: { dims: [0, 2 ** 50], values: [] }, k: ints([0]) },
      }),
      /more than shapes and scales have/,
    ],
  ])("%s", async (_name, file, message) => {
    const error = await importing(file).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses bytes that are no model", async () => {
    await expect(importOnnx(new Uint8Array())).rejects.toThrow("got an empty file, expected an ONNX model");
    await expect(importOnnx(new TextEncoder().encode("{}"))).rejects.toThrow(ArgumentError);
    await expect(importOnnx(Uint8Array.of(8, 7))).rejects.toThrow("got no graph");
    await expect(readOnnx(scratch("nothing.onnx"))).rejects.toThrow("no such file");
  });

  it("takes nodes in any order, and deep graphs", async () => {
    const depth = 5000;
    const chain = Array.from({ length: depth }, (_, k) => ({
      op: "Tanh",
      in: [k === 0 ? "x" : `v${k}`],
      out: [`v${k + 1}`],
    }));
    const file = gemm({ nodes: [{ op: "Gemm", in: [`v${depth}`, "w"], out: ["y"] }, ...chain.reverse()] });
    const { network } = await importing(file);
    expect(network.nodes.length).toBe(depth + 2);
  });

  it("takes an opset newer than it knows, with a note", async () => {
    const { notes } = await importing(gemm({ opset: 24 }));
    expect(notes).toEqual(["the file uses opset 24, newer than 22, the newest that was checked"]);
  });
});

describe("external data", () => {
  const outside: (location: string, more?: object) => Uint8Array = (location, more = {}) =>
    onnxFile({
      inputs: { x: ["n", 5] },
      nodes: [{ op: "Gemm", in: ["x", "w"], out: ["y"] }],
      tensors: { w: { dims: [5, 2], values: [], external: { location, ...more } } },
    });

  it("is read by parts, from the folder of the model and folders inside it", async () => {
    const folder = scratch("good");
    mkdirSync(`${folder}/inner`, { recursive: true });
    writeFileSync(`${folder}/inner/data.bin`, new Uint8Array(new Float32Array(12).fill(0.5).buffer));
    writeFileSync(`${folder}/m.onnx`, outside("inner/data.bin", { offset: 8, length: 40 }));
    const { weights } = await readOnnx(`${folder}/m.onnx`);
    expect(weights.get("w")).toEqual(new Float32Array(10).fill(0.5));
  });

  it.each([
    "../secret.bin",
    "inner/../../secret.bin",
    "/etc/hostname",
    "C:\\data.bin",
    "..\\secret.bin",
    "link.bin",
    ".",
    "a\0b",
  ])("refuses %j, which leads out of the folder", async (location) => {
    const folder = scratch("bad");
    mkdirSync(folder, { recursive: true });
    writeFileSync(scratch("secret.bin"), new Uint8Array(40));
    try {
      symlinkSync(scratch("secret.bin"), `${folder}/link.bin`);
    } catch {
      // it is there from the case before
    }
    writeFileSync(`${folder}/m.onnx`, outside(location));
    await expect(readOnnx(`${folder}/m.onnx`)).rejects.toThrow("expected a file in the folder of m.onnx");
  });

  it("says what is missing or too short", async () => {
    const folder = scratch("short");
    mkdirSync(folder);
    writeFileSync(`${folder}/m.onnx`, outside("data.bin"));
    await expect(readOnnx(`${folder}/m.onnx`)).rejects.toThrow('got no file "data.bin"');
    writeFileSync(`${folder}/data.bin`, new Uint8Array(39));
    await expect(readOnnx(`${folder}/m.onnx`)).rejects.toThrow("got 39 bytes, expected at least 40");
    writeFileSync(`${folder}/m.onnx`, outside("data.bin", { length: 44 }));
    await expect(readOnnx(`${folder}/m.onnx`)).rejects.toThrow("expected 40 for shape [5, 2]");
    await expect(importOnnx(outside("data.bin"))).rejects.toThrow("Open the model by its path");
  });

  it("comes through the given reader where the model is in memory", async () => {
    const asked: unknown[] = [];
    const { weights } = await importOnnx(outside("data.bin", { offset: 4 }), {
      externalData: (location, offset, length) => {
        asked.push([location, offset, length]);
        return new Uint8Array(length);
      },
    });
    expect(asked).toEqual([["data.bin", 4, 40]]);
    expect(weights.get("w")).toEqual(new Float32Array(10));
  });
});

it("has a case for every operation that the importer reads", async () => {
  const { operators } = await import("../src/onnx/operators/operators.ts");
  const used = new Set(onnxCases.flatMap(({ file }) => file.nodes.map(({ op }) => op)));
  const untested = Object.keys(operators).filter((op) => !used.has(op));
  expect(untested).toEqual([]);
});

describe("found among 100,000 damaged files", () => {
  it("an attribute of text without its text is read as empty", async () => {
    const file = onnxFile({
      nodes: [{ op: "Conv", in: ["x", "w"], out: ["y"], attributes: { auto_pad: "" } }],
      inputs: { x: ["n", 1, 2, 2] },
      tensors: { w: { dims: [1, 1, 1, 1], values: [1] } },
    });
    // an empty field is written; without it the field has no value at all
    const at = Buffer.from(file).indexOf(Buffer.from("auto_pad")) + "auto_pad".length;
    expect([...file.subarray(at, at + 2)]).toEqual([0x22, 0]);
    // its number becomes one that no attribute has
    file[at] = (15 << 3) | 2;
    await expect(importOnnx(file)).rejects.toThrow(ArgumentError);
  });

  it.each([true, false])(
    "an unsupported node that puts out 2^40 elements, taken as opaque %s",
    async (treatAsOpaque) => {
      const file = onnxFile({
        nodes: [
          { op: "LSTM", in: ["x"], out: ["h"] },
          { op: "Relu", in: ["h"], out: ["y"] },
        ],
        inputs: { x: ["n", 4] },
        valueInfo: { h: ["n", 2 ** 40] },
      });
      await expect(importOnnx(file, { treatAsOpaque })).rejects.toThrow(ArgumentError);
    },
  );
});
