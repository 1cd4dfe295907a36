/** Every place of every channel becomes a unit. On planes of one pixel nothing is to be done. */
import { NO_UNIT } from "@phew/engine";
import { planeOf } from "../../../plane.ts";
import { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { PlannedTensor } from "../tensor.ts";
import type { Lowering, OperationOf } from "./lowering.ts";

export const flatten: Lowering<OperationOf<"flatten">> = {
  overwritable: false,
  tangent: "linear",
  forward(pass, index) {
    const source = pass.source(index);
    if (places(pass, source) === 1) return pass.alias(index, source);
    const plane = pass.read(source);
    const output = pass.newTensor(index);
    const offsets = offsetTable(pass, index, plane);
    pass.draft.emit("flatten", pass.label(index, "other"), { plane, places: output, offsets });
    pass.write(index, output);
  },

  backward(pass, index) {
    const source = pass.source(index);
    const gradient = pass.gradientOf(index);
    if (gradient === undefined) return;
    if (places(pass, source) === 1) return pass.addGradient(source, gradient);
    const target = pass.receive(source);
    if (target === undefined) return;
    pass.draft.emit("flattenBackward", pass.label(index, "other"), {
      plane: target.tensor,
      places: gradient,
      offsets: offsetTable(pass, index, target.tensor),
      accumulate: target.accumulate,
    });
  },
};

function places(pass: Pass, source: number): number {
  const { height, width } = planeOf(pass.node(source).shape);
  return height * width;
}

/** Bytes from the plane's block to the pixel of each stored unit. */
function offsetTable(pass: Pass, index: number, plane: PlannedTensor): Region {
  const source = pass.source(index);
  const units = pass.plan.stored[index]!;
  const placeOf = new Map([...pass.plan.stored[source]!].map((unit, k) => [unit, k]));
  const perUnit = places(pass, source);
  return new Region("program", 4 * units.length, {
    initial: () => {
      const { unitBytes, rowBytes, pixelBytes } = plane.geometry(pass.plan.lanes);
      return Uint32Array.from(units, (unit) => {
        const channel = placeOf.get(Math.floor(unit / perUnit));
        if (channel === undefined) return NO_UNIT;
        const place = unit % perUnit;
        const row = Math.floor(place / plane.width);
        return channel * unitBytes + row * rowBytes + (place % plane.width) * pixelBytes;
      });
    },
  });
}
