/** One network for each operation or group of them, small enough for central differences; every executor is held to them. */
import { type ActivationName, type Network, NetworkBuilder, unitRun, type Value } from "@phew/core";
import fc from "fast-check";

export function activationNetwork(name: ActivationName): Network {
  const b = new NetworkBuilder(name, [5]);
  const hidden = b.activation(name, b.dense("first", b.input, 6));
  return b.build(b.dense("second", b.activation(name, b.dense("middle", hidden, 5)), 3));
}

const upTo = (most: number, least = 1) => fc.integer({ min: least, max: most });

/** Convolutions of any stride, padding, dilation and grouping, on images of 2 channels; those whose window fits. */
export const convolutions = fc
  .record({
    height: upTo(7, 4),
    width: upTo(7, 4),
    kernel: fc.tuple(upTo(3), upTo(3)),
    stride: fc.tuple(upTo(3), upTo(3)),
    dilation: fc.tuple(upTo(2), upTo(2)),
    padding: fc.tuple(upTo(3, 0), upTo(3, 0), upTo(3, 0), upTo(3, 0)),
    groups: upTo(3),
    inPerGroup: upTo(2),
    outPerGroup: upTo(2),
    bias: fc.boolean(),
  })
  .filter(({ height, width, kernel, dilation, padding }) => {
    const fits = (length: number, axis: 0 | 1) =>
      length + padding[axis] + padding[axis + 2]! >= dilation[axis] * (kernel[axis] - 1) + 1;
    return fits(height, 0) && fits(width, 1);
  })
  .map(({ height, width, groups, inPerGroup, outPerGroup, ...options }) => {
    const b = new NetworkBuilder("conv", [2, height, width]);
    const first = b.activation(
      "tanh",
      b.conv2d("in", b.input, { outChannels: groups * inPerGroup, kernel: 1 }),
    );
    const conv = b.conv2d("conv", first, { ...options, outChannels: groups * outPerGroup, groups });
    return b.build(b.dense("out", b.flatten(b.activation("tanh", conv)), 3));
  });

/** Batch normalisation of images and of features. */
export function normNetwork(): Network {
  const b = new NetworkBuilder("norms", [2, 4, 5]);
  const conv = b.conv2d("conv", b.batchNorm("bn0", b.input), {
    outChannels: 3,
    kernel: 3,
    padding: 1,
    bias: false,
  });
  const x = b.flatten(b.activation("tanh", b.batchNorm("bn1", conv)));
  const hidden = b.batchNorm("bn2", b.dense("hidden", x, 6, { bias: false }), {
    epsilon: 1e-3,
    momentum: 0.3,
  });
  return b.build(b.dense("out", b.activation("tanh", hidden), 3));
}

/** Pooling with overlap, uneven padding, ceil mode and dilation. */
export function poolingNetworks(): Network[] {
  const pooled = (pool: (b: NetworkBuilder, x: Value) => Value): Network => {
    const b = new NetworkBuilder("pool", [2, 7, 6]);
    const x = pool(
      b,
      b.activation("tanh", b.conv2d("conv", b.input, { outChannels: 3, kernel: 3, padding: 1 })),
    );
    return b.build(b.dense("out", b.flatten(x), 3));
  };
  const window = { kernel: [3, 2], stride: [2, 2], padding: [1, 0, 0, 1], dilation: [1, 1] } as const;
  return [
    pooled((b, x) => b.maxPool2d(x, { kernel: 2 })),
    pooled((b, x) => b.maxPool2d(x, { kernel: 3, stride: 2, padding: 1, ceil: true })),
    pooled((b, x) => b.node("dilated", { kind: "maxPool2d", ...window, dilation: [2, 3] }, x)),
    pooled((b, x) => b.averagePool2d(x, { kernel: 2 })),
    pooled((b, x) => b.averagePool2d(x, { kernel: 3, stride: 2, padding: 1, ceil: true })),
    pooled((b, x) =>
      b.node("uncounted", { kind: "averagePool2d", ...window, countPadding: false, ceil: true }, x),
    ),
    pooled((b, x) =>
      b.node("counted", { kind: "averagePool2d", ...window, countPadding: true, ceil: true }, x),
    ),
  ];
}

/** Add, concat, selections, identity, global pooling and values read several times. */
export function graphNetwork(): Network {
  const b = new NetworkBuilder("graph", [3, 5, 5]);
  const conv = (name: string, x: Value, outChannels: number) =>
    b.activation("tanh", b.conv2d(name, x, { outChannels, kernel: 3, padding: 1 }));
  const first = conv("a", b.input, 4);
  const merged = b.add(first, conv("b", first, 4), b.node("same", { kind: "identity" }, first));
  const stacked = b.concat(
    merged,
    b.input,
    conv("c", b.node("cut", { kind: "select", index: [2, 1, 2] }, merged), 2),
  );
  const features = b.concat(b.globalAveragePool(stacked), b.flatten(first));
  const cut = b.node("features", { kind: "select", index: unitRun(4, 60) }, b.flatten(features));
  return b.build(b.dense("out", b.dropout(0, cut), 4));
}

/** Convolutions, one grouped, batch normalisation, a projection shortcut, dense layers. */
export function smallNetwork(): Network {
  const b = new NetworkBuilder("small", [2, 8, 8]);
  let x = b.relu(b.batchNorm("bn1", b.conv2d("conv1", b.input, { outChannels: 6, kernel: 3, padding: 1 })));
  const y = b.batchNorm(
    "bn2",
    b.conv2d("conv2", x, { outChannels: 8, kernel: 3, stride: 2, padding: 1, groups: 2 }),
  );
  x = b.relu(b.add(y, b.conv2d("shortcut", x, { outChannels: 8, kernel: 1, stride: 2, bias: false })));
  x = b.relu(b.dense("fc1", b.flatten(b.maxPool2d(x, { kernel: 2 })), 12));
  return b.build(b.dense("fc2", x, 4));
}
