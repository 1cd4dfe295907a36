/** Softmax attention: one instruction for all heads of a value, and one for its way back to all three inputs. */
import type { Pass } from "../pass.ts";
import { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

type Attention = OperationOf<"attention">;

/** What all its instructions read: the inputs, the heads that are stored, the mask, and room for rows of scores. */
function common(pass: Pass, index: number, op: Attention) {
  const [queries, keys, values] = pass.node(index).inputs.map((input) => pass.read(input));
  // a head is stored whole or not at all, since each of its units reads all its scores
  const depth = pass.node(index).shape[0]! / op.heads;
  const stored = pass.plan.stored[index]!;
  const heads = Uint32Array.from({ length: stored.length / depth }, (_, h) => stored[h * depth]! / depth);
  const mask = op.mask && pass.table(new Uint32Array(Float32Array.from(op.mask.values).buffer));
  return {
    queries: queries!,
    keys: keys!,
    values: values!,
    rows: new PlannedTensor(4, 1, keys!.width),
    heads: pass.table(heads),
    headCount: heads.length,
    mask,
    maskHeads: op.mask?.shape[0] ?? 1,
    maskWindows: op.mask?.shape[1] ?? 1,
    scale: op.scale,
  };
}

/** Where the gradients of the inputs are added to; undefined where none is wanted. */
function targets(pass: Pass, index: number) {
  const received = pass.node(index).inputs.map((input) => {
    const target = pass.receive(input);
    if (target?.accumulate === false)
      pass.draft.emit("clearTensor", pass.label(index, "other"), { tensor: target.tensor });
    return target;
  });
  if (received.every((target) => target === undefined)) return undefined;
  const [queryTarget, keyTarget, valueTarget] = received.map((target) => target?.tensor);
  return { queryTarget, keyTarget, valueTarget };
}

function tangentsOf(pass: Pass, index: number) {
  const [queryTangent, keyTangent, valueTangent] = pass.node(index).inputs.map((input) => pass.read(input));
  return { queryTangent: queryTangent!, keyTangent: keyTangent!, valueTangent: valueTangent! };
}

export const attention: Lowering<Attention> = {
  overwritable: true,
  forward(pass, index, op) {
    const output = pass.newTensor(index);
    pass.draft.emit("attention", pass.label(index, "other"), { ...common(pass, index, op), output });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const gradient = pass.gradientOf(index);
    const wanted = gradient && targets(pass, index);
    if (wanted === undefined) return;
    const fields = { ...common(pass, index, op), ...wanted, gradient };
    pass.draft.emit("attentionBackward", pass.label(index, "other"), fields);
  },

  tangent: {
    /** ẏ = ṗ·v + p·v̇ */
    forward(pass, index, op) {
      const output = pass.newTensor(index);
      const fields = { ...common(pass.primal, index, op), ...tangentsOf(pass, index), output };
      pass.draft.emit("attentionTangent", pass.label(index, "other"), fields);
      pass.write(index, output);
    },

    /** As the kernel states it: the product rule on each step of the way back. */
    backward(pass, index, op) {
      const gradientTangent = pass.gradientOf(index);
      const gradient = pass.primal.gradientOf(index);
      if (gradientTangent === undefined || gradient === undefined) return;
      const wanted = targets(pass, index);
      if (wanted === undefined) return;
      const own = { ...common(pass.primal, index, op), ...tangentsOf(pass, index) };
      const fields = { ...own, ...wanted, gradient, gradientTangent };
      pass.draft.emit("attentionGradientTangents", pass.label(index, "other"), fields);
    },
  },
};
