/** Networks small enough to be drawn or searched: dense layers without bias, with ReLU between them. */
import { type Network, NetworkBuilder } from "@phew/core";

/** @param sizes units of each layer, the input's first, the output's last; weights are `fc1.weight`, … */
export function perceptron([inputs, ...sizes]: readonly [number, ...number[]]): Network {
  const b = new NetworkBuilder([inputs, ...sizes].join("-"), [inputs]);
  const output = sizes.reduce(
    (x, size, l) => b.dense(`fc${l + 1}`, l === 0 ? x : b.relu(x), size, { bias: false }),
    b.input,
  );
  return b.build(output);
}
