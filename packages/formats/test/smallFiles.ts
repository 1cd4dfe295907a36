/** Files that are small and right. */
import { float32Tensor, safetensorsChunks } from "@phew/formats";

/** One tensor "w" of two numbers. */
export const smallSafetensors = Buffer.concat(
  safetensorsChunks(new Map([["w", float32Tensor([2], Float32Array.of(1, 2))]])),
);

/** The text of a model.json of TensorFlow.js: a dense layer from 4 to 3 units, its kernel in the shard `path`. */
export const denseTfjs = (path: string): string =>
  JSON.stringify({
    modelTopology: {
      class_name: "Sequential",
      config: [
        {
          class_name: "Dense",
          config: { name: "d", units: 3, batch_input_shape: [null, 4], use_bias: false },
        },
      ],
    },
    weightsManifest: [{ paths: [path], weights: [{ name: "d/kernel", shape: [4, 3], dtype: "float32" }] }],
  });
