/** Operations that pass, drop, move or repeat elements, and those without an input. */
import { sizeOf } from "../shapes.ts";
import { type PlaceTerms, termsOf } from "../windows.ts";
import { type Followed, type OracleOperation, parameter, sameShape, unchanged } from "./operation.ts";

export interface Rearrange {
  readonly kind: "rearrange";
  readonly shape: readonly number[];
  readonly offset: number;
  readonly atoms: readonly { readonly length: number; readonly stride: number }[];
}

export const input: OracleOperation<{ readonly kind: "input"; readonly shape: readonly number[] }> = {
  shape: ({ shape }) => shape,
  value: (_, { inputs }) => inputs[0]!,
  paths: () => [],
};

export const learned: OracleOperation<{
  readonly kind: "learned";
  readonly value: string;
  readonly shape: readonly number[];
}> = {
  shape: ({ shape }) => shape,
  value: (op, task) => {
    const own = parameter(task, op.value, sizeOf(op.shape));
    return Float64Array.from({ length: task.count * own.length }, (_, k) => own[k % own.length]!);
  },
  paths: () => [],
  units: { on: () => [], back: () => [] },
};

export const identity: OracleOperation<{ readonly kind: "identity" }> = {
  shape: sameShape,
  value: (_, { inputs }) => inputs[0]!,
  paths: unchanged,
};

export const dropout: OracleOperation<{ readonly kind: "dropout"; readonly rate: number }> = {
  shape: sameShape,
  value: ({ rate }, { name, inputs, options }) => {
    const kept = options.keptByDropout?.get(name);
    return options.mode === "training" && kept !== undefined
      ? inputs[0]!.map((v, k) => (v * kept[k]!) / (1 - rate))
      : inputs[0]!;
  },
  paths: unchanged,
};

export const flatten: OracleOperation<{ readonly kind: "flatten" }> = {
  shape: (_, [first]) => [sizeOf(first!)],
  value: (_, { inputs }) => inputs[0]!,
  paths: unchanged,
  units: {
    on: (_, units, { inputShapes: [first] }) => {
      const plane = sizeOf(first!) / first![0]!;
      // flattening maps of one pixel changes nothing
      if (plane === 1) return [...units];
      return units.flatMap(({ unit, feature }) =>
        Array.from({ length: plane }, (_, k) => ({
          unit: unit * plane + k,
          feature: `${feature}/${k} of ${plane}`,
        })),
      );
    },
    back: (_, unit, { inputShapes: [first] }) => [[0, Math.floor(unit / (sizeOf(first!) / first![0]!))]],
  },
};

export const select: OracleOperation<{ readonly kind: "select"; readonly index: readonly number[] }> = {
  shape: ({ index }, [first]) => [index.length, ...first!.slice(1)],
  value: (op, task) => {
    const whole = sizeOf(task.inputShapes[0]!);
    const plane = whole / task.inputShapes[0]![0]!;
    const y: number[] = [];
    for (let n = 0; n < task.count; n++) {
      for (const unit of op.index) {
        for (let k = 0; k < plane; k++) y.push(unit < 0 ? 0 : task.inputs[0]![n * whole + unit * plane + k]!);
      }
    }
    return Float64Array.from(y);
  },
  paths: ({ index }, { element, plane, unit }) =>
    index[unit]! < 0 ? [] : [{ element: index[unit]! * plane + (element % plane), factor: 1 }],
  units: {
    on: ({ index }, units) =>
      units.flatMap(({ unit, feature }) =>
        index.flatMap((from, to) => (from === unit ? [{ unit: to, feature }] : [])),
      ),
    back: ({ index }, unit) => (index[unit]! < 0 ? [] : [[0, index[unit]!]]),
  },
};

export const concat: OracleOperation<{ readonly kind: "concat" }> = {
  shape: (_, inputs) => [inputs.reduce((sum, shape) => sum + shape[0]!, 0), ...inputs[0]!.slice(1)],
  value: (_, task) => {
    const y: number[] = [];
    for (let n = 0; n < task.count; n++) {
      for (const [input, value] of task.inputs.entries()) {
        const size = sizeOf(task.inputShapes[input]!);
        for (let k = 0; k < size; k++) y.push(value[n * size + k]!);
      }
    }
    return Float64Array.from(y);
  },
  paths: (_, { inputShapes, element }) => {
    const [slot, rest] = partOf(inputShapes.map(sizeOf), element);
    return [{ slot, element: rest, factor: 1 }];
  },
  units: {
    on: (_, units, { inputShapes, slot }) => {
      const before = inputShapes.slice(0, slot).reduce((sum, shape) => sum + shape[0]!, 0);
      return units.map(({ unit, feature }) => ({ unit: before + unit, feature }));
    },
    back: (_, unit, { inputShapes }) => [
      partOf(
        inputShapes.map(([count]) => count!),
        unit,
      ),
    ],
  },
};

/** Which of parts of the given lengths, and where in it. */
function partOf(lengths: readonly number[], at: number): readonly [slot: number, rest: number] {
  let [slot, rest] = [0, at];
  while (rest >= lengths[slot]!) rest -= lengths[slot++]!;
  return [slot, rest];
}

export const rearrange: OracleOperation<Rearrange> = {
  shape: ({ shape }) => shape,
  value: (op, { inputs, shape, inputShapes, count }) => {
    const [size, whole] = [sizeOf(shape), sizeOf(inputShapes[0]!)];
    return Float64Array.from(
      { length: count * size },
      (_, k) => inputs[0]![Math.floor(k / size) * whole + elementBehind(op, k % size)]!,
    );
  },
  paths: (op, { element }) => [{ element: elementBehind(op, element), factor: 1 }],
  units: {
    on: (op, units, { inputShapes }) => {
      const moved = placesOfUnits(op, inputShapes[0]!);
      return units.flatMap(({ unit, feature }): Followed[] => {
        const isWhole = new Set(moved[unit]!.values()).size <= 1;
        return Array.from(moved[unit]!, ([to, places]) => ({
          unit: to,
          feature: isWhole ? feature : `${feature}/${places}`,
        }));
      });
    },
    back: (op, unit, { inputShapes }) =>
      placesOfUnits(op, inputShapes[0]!).flatMap((parts, from) =>
        parts.has(unit) ? [[0, from] as const] : [],
      ),
  },
};

/** Unit of the input → unit of the value → which of its positions are there, in words. */
function placesOfUnits(op: Rearrange, input: readonly number[]): Map<number, string>[] {
  const [inPlane, outPlane] = [sizeOf(input.slice(1)), sizeOf(op.shape.slice(1))];
  const places = Array.from({ length: input[0]! }, () => new Map<number, number[]>());
  for (let element = 0; element < sizeOf(op.shape); element++) {
    const from = elementBehind(op, element);
    const ofUnit = places[Math.floor(from / inPlane)]!;
    const to = Math.floor(element / outPlane);
    ofUnit.set(to, [...(ofUnit.get(to) ?? []), from % inPlane]);
  }
  return places.map(
    (ofUnit) => new Map([...ofUnit].map(([to, own]) => [to, own.sort((a, b) => a - b).join()])),
  );
}

/** The element of the input that an element of a rearranged value is: its index along the atoms, one by one. */
function elementBehind({ offset, atoms }: Rearrange, element: number): number {
  return atoms.reduce((sum, { length, stride }, k) => {
    const inner = sizeOf(atoms.slice(k + 1).map((atom) => atom.length));
    return sum + (Math.floor(element / inner) % length) * stride;
  }, offset);
}

/** Each position by the sum of its terms, which are multiplied out over the axes. */
export const resample: OracleOperation<{
  readonly kind: "resample";
  readonly axes: PlaceTerms;
  readonly fill: number;
}> = {
  shape: ({ axes }, [first]) => [first![0]!, ...axes.map(({ places }) => places.length)],
  value: (op, task) => {
    const x = task.inputs[0]!;
    const lengths = task.inputShapes[0]!.slice(1);
    const outLengths = task.shape.slice(1);
    const size = sizeOf(outLengths);
    return Float64Array.from({ length: task.count * sizeOf(task.shape) }, (_, k) => {
      const first = Math.floor(k / size) * sizeOf(lengths);
      const terms = termsOf(op.axes, lengths, outLengths, k % size);
      if (terms.length === 0) return op.fill;
      return terms.reduce((sum, { position, factor }) => sum + factor * x[first + position]!, 0);
    });
  },
  paths: (op, { inputShapes, shape, element, unit, plane }) => {
    const lengths = inputShapes[0]!.slice(1);
    return termsOf(op.axes, lengths, shape.slice(1), element % plane).map(({ position, factor }) => ({
      element: unit * sizeOf(lengths) + position,
      factor,
    }));
  },
};
