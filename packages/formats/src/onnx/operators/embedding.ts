/** Rows of a table by an input of whole numbers: the input as the network has it, see onnx/embeddings.ts. */
import { laid, orderOf } from "../arranging.ts";
import { Unsupported } from "../unsupported.ts";
import { dimsText } from "../values.ts";
import type { Operator } from "./operator.ts";

export const ofIds =
  (otherwise: Operator): Operator =>
  (context, node, inputs) => {
    const [data, ids] = inputs;
    if (data?.kind !== "constant" || ids?.kind !== "activation" || !ids.isIds)
      return otherwise(context, node, inputs);
    const features = context.embedded(ids);
    const width = features.dims.at(-1)!;
    if (data.dims.length !== 2 || data.dims[1] !== width || context.attributes(node).int("axis", 0) !== 0)
      throw new Unsupported(`it takes parts of ${dimsText(data.dims)} by an input of whole numbers`);
    const { offset, axes } = orderOf(ids);
    const { isIds: _, ...value } = ids;
    const whole = { offset, axes: [...axes, orderOf(features).axes.at(-1)!] };
    return laid(value, whole, [...ids.dims, width]);
  };
