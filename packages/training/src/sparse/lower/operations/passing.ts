/** Operations that pass values, or have none to pass. */

import { randomU32 } from "@phew/engine";
import { inputStart } from "../../../inputs.ts";
import { Place, Region } from "../../plan/region.ts";
import type { Pass, Target } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";
import { descend } from "./weights.ts";

/** The batch is in memory image by image, input by input; this arranges it in lanes. */
export const input: Lowering<OperationOf<"input">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const tensor = pass.newTensor(index);
    const { network, lanes, blocks } = pass.plan;
    const { images: all } = pass.exchange;
    const isOnly = network.inputs.length === 1;
    const images = isOnly ? all : new Place(all, 4 * lanes * blocks * inputStart(network, index));
    pass.draft.emit("loadImages", pass.label(index, "transfer"), { tensor, images });
    pass.write(index, tensor);
  },
  backward() {},
};

/** Writes the elements at `offsets` for every example. */
function write(pass: Pass, index: number, offsets: Region): void {
  const output = pass.newTensor(index);
  pass.draft.emit("affine", pass.label(index, "other"), { output, offsets, byPlace: true });
  pass.write(index, output);
}

/** A trained value that is the same for every example. */
export const learned: Lowering<OperationOf<"learned">> = {
  overwritable: true,
  forward(pass, index, op) {
    write(pass, index, pass.parameter(op.value)!.values);
  },

  backward(pass, index, op) {
    const first = pass.gradientOf(index);
    if (first === undefined) return;
    const parameter = pass.parameter(op.value)!;
    const bytes = 8 * pass.plan.blocks * parameter.units.length;
    const partial = new Region("gradients", bytes, { temporary: true });
    pass.draft.emit("elementProducts", pass.label(index, "other"), { first, partial });
    descend(pass, index, parameter, { partial, elementBytes: 8, factor: parameter.trained });
  },

  tangent: {
    forward(pass, index, op) {
      write(pass, index, pass.direction.units(pass.parameter(op.value)!));
    },
    backward: "linear",
  },
};

/** Passes its input on. */
export const identity: Lowering<OperationOf<"identity">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    pass.alias(index, pass.source(index));
  },
  backward(pass, index) {
    const gradient = pass.gradientOf(index);
    if (gradient !== undefined) pass.addGradient(pass.source(index), gradient);
  },
};

/** Random numbers of the executors are streams of the seed above this. */
const DROPOUT_STREAM = 2 ** 51;

/** Dropout: in training a hash decides, both ways alike; otherwise values pass. */
export const dropout: Lowering<OperationOf<"dropout">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index, op) {
    const source = pass.source(index);
    if (passes(pass, op)) return pass.alias(index, source);
    const output = pass.newTensor(index);
    drop(pass, index, op, pass.read(source), { tensor: output, accumulate: false });
    pass.write(index, output);
  },

  backward(pass, index, op) {
    const source = pass.source(index);
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    if (passes(pass, op)) return pass.addGradient(source, gradient);
    const target = pass.receive(source);
    if (target !== undefined) drop(pass, index, op, gradient, target);
  },
};

const passes = (pass: Pass, { rate }: OperationOf<"dropout">): boolean =>
  pass.mode !== "training" || rate === 0;

function drop(
  pass: Pass,
  index: number,
  { rate }: OperationOf<"dropout">,
  input: PlannedTensor,
  { tensor, accumulate }: Target,
): void {
  const units = pass.plan.stored[index]!;
  const unitCount = pass.node(index).shape[0]!;
  pass.draft.emit("dropout", pass.label(index, "other"), {
    input,
    output: tensor,
    unitNumbers: units.length === unitCount ? undefined : pass.table(units),
    unitCount,
    key: randomU32(pass.seed, DROPOUT_STREAM, index),
    threshold: Math.round(rate * 2 ** 24),
    factor: 1 / (1 - rate),
    accumulate,
  });
}
