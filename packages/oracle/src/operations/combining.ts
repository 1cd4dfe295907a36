/** Operations on several values, and those of which no more is known than what depends on what. */
import { longest, meeting, sizeOf } from "../shapes.ts";
import type { Followed, OracleOperation, Strand, Task } from "./operation.ts";

export const add: OracleOperation<{ readonly kind: "add" }> = {
  shape: (_, inputs) => longest(inputs),
  value: (_, task) => together(task, (a, b) => a + b),
  paths: (_, { inputShapes, element }) => inputShapes.map((_, slot) => ({ slot, element, factor: 1 })),
  units: {
    on: (_, units) => [...units],
    back: (_, unit, { inputShapes }) => inputShapes.map((_, slot) => [slot, unit]),
  },
};

export const multiply: OracleOperation<{ readonly kind: "multiply" }> = {
  shape: (_, inputs) => longest(inputs),
  value: (_, task) => together(task, (a, b) => a * b),
  paths: (_, { inputShapes, shape, element }) =>
    inputShapes.map((own, slot) => ({ slot, element: meeting(element, shape, own), factor: 1 })),
  units: {
    on: (_, units, { inputShapes, shape: [count], slot }) =>
      // a single unit is read once for each unit that it multiplies
      inputShapes[slot]![0] === count
        ? [...units]
        : units.flatMap(({ feature }) => Array.from({ length: count! }, (_, unit) => ({ unit, feature }))),
    back: (_, unit, { inputShapes }) => inputShapes.map(([count], slot) => [slot, count === 1 ? 0 : unit]),
  },
};

/** Values combined element by element; one of length 1 along an axis stands for all places there. */
function together(
  { inputs, inputShapes, shape, count }: Task,
  combine: (a: number, b: number) => number,
): Float64Array {
  const size = sizeOf(shape);
  return Float64Array.from({ length: count * size }, (_, k) => {
    const n = Math.floor(k / size);
    const all = inputs.map((values, slot) => {
      const own = inputShapes[slot]!;
      return values[n * sizeOf(own) + meeting(k % size, shape, own)]!;
    });
    return all.reduce(combine);
  });
}

export interface Opaque {
  readonly kind: "opaque";
  readonly shape: readonly number[];
  readonly carries?: "elements" | "units";
}

export const opaque: OracleOperation<Opaque> = {
  shape: ({ shape }) => shape,
  value: (_, { name }) => {
    throw new Error(`"${name}" cannot be computed: its inner workings are not known`);
  },
  paths: (op, { inputShapes, element, plane, unit }) =>
    inputShapes.flatMap((shape, slot): Strand[] => {
      const size = sizeOf(shape);
      const all = (first: number, length: number) =>
        Array.from({ length }, (_, k) => ({ slot, element: first + k, factor: 1 / length }));
      if (!op.carries) return all(0, size);
      const own = size / shape[0]!;
      const first = shape[0] === 1 ? 0 : unit * own;
      return own === plane ? [{ slot, element: first + (element % plane), factor: 1 }] : all(first, own);
    }),
  units: {
    on: ({ shape: [count], carries }, units, { inputShapes, slot }): Followed[] =>
      // every unit of the output depends on every input unit
      carries && inputShapes[slot]![0] === count
        ? [...units]
        : Array.from({ length: count! }, (_, unit) => ({ unit, feature: `mixed ${unit} of ${count}` })),
    back: ({ shape, carries }, unit, { inputShapes }) =>
      inputShapes.flatMap(([count], slot) =>
        carries && count === shape[0]
          ? [[slot, unit] as const]
          : Array.from({ length: count! }, (_, u) => [slot, u] as const),
      ),
  },
};
