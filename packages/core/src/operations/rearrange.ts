/**
 * Moves elements between units and positions, as pixel shuffle, the merging of patches and reading a map flat do. Element
 * e of its value, row-major, with the index (d₁, d₂, …) along `atoms`, is the element
 *   offset + Σ d_k · stride_k
 * of its input, row-major. How units pass follows from the movement: see {@link unitsMoved}.
 */
import { ArgumentError } from "../errors.ts";
import {
  ASSUMES_NOTHING,
  NO_GRADIENTS,
  NO_PARAMETERS,
  type OperationDefinition,
  type UnitMap,
} from "./definition.ts";
import { elementCount, type Shape } from "./shape.ts";

export interface Rearrange {
  readonly kind: "rearrange";
  /** Of its value. */
  readonly shape: Shape;
  readonly offset: number;
  /** Outer ones first; their lengths multiply to the elements of the value. */
  readonly atoms: readonly { readonly length: number; readonly stride: number }[];
}

/** For each element of the value, that of the input: 4 bytes an element. */
export function elementsMoved({ atoms, offset }: Rearrange): Int32Array {
  const count = elementCount(atoms.map(({ length }) => length));
  const from = new Int32Array(count);
  const place = new Array<number>(atoms.length).fill(0);
  for (let e = 0, at = offset; e < count; e++) {
    from[e] = at;
    for (let k = atoms.length - 1; k >= 0; k--) {
      const { length, stride } = atoms[k]!;
      at += stride;
      if (++place[k]! < length) break;
      at -= stride * length;
      place[k] = 0;
    }
  }
  return from;
}

export const rearrange: OperationDefinition<Rearrange> = {
  kind: "rearrange",
  arity: [1, 1],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const count = elementCount(inputs[0]!);
    const reach = (sign: number) =>
      op.atoms.reduce((sum, { length, stride }) => sum + Math.max(0, sign * stride) * (length - 1), 0);
    const isSound =
      elementCount(op.atoms.map(({ length }) => length)) === elementCount(op.shape) &&
      op.shape.every((length) => length >= 1) &&
      op.offset - reach(-1) >= 0 &&
      op.offset + reach(1) < count;
    if (!isSound) {
      throw new ArgumentError(`layer "${node}"`, {
        given: `${elementCount(op.shape)} elements of an input of shape [${inputs[0]!.join(", ")}], some beyond it`,
        expected: "elements of the input",
      });
    }
    return op.shape;
  },
  units(op, inputs, output) {
    let maps = knownMaps.get(op);
    if (maps === undefined) {
      maps = unitsMoved(op, inputs[0]!, output);
      knownMaps.set(op, maps);
    }
    return maps;
  },
  keepsZero: () => true,
  isNonNegative: (_op, [input]) => input!,
  couples: () => false,
  adds: false,
  shrink: (op, inputs) =>
    movesWithinUnits(op, inputs[0]!) ? ({ output }) => ofUnits(op, output.length) : undefined,
  assumes: ASSUMES_NOTHING,
  pathForward(op, given) {
    const [input] = given.inputs as [Float64Array];
    return Float64Array.from(elementsMoved(op), (from) => input[from]!);
  },
  pathBackward(op, given, _output, gradient) {
    const input = new Float64Array(elementCount(given.inputShapes[0]!));
    for (const [e, from] of elementsMoved(op).entries()) input[from]! += gradient[e]!;
    return { inputs: [input], parameters: NO_GRADIENTS };
  },
};

/** An operation of a network has one input shape. */
const knownMaps = new WeakMap<Rearrange, readonly UnitMap[]>();

/** True if unit u of the value has elements of unit u of the input alone, the same ones for each. */
function movesWithinUnits({ shape, offset, atoms }: Rearrange, input: Shape): boolean {
  const plane = elementCount(input.slice(1));
  const [units] = atoms;
  const isSingle = shape[0] === 1;
  const isOfUnits = isSingle || (units?.length === shape[0] && units?.stride === plane);
  const inner = isSingle ? atoms : atoms.slice(1);
  const last = inner.reduce((sum, { length, stride }) => sum + Math.max(0, stride) * (length - 1), offset);
  return shape[0] === input[0] && isOfUnits && last < plane;
}

const ofUnits = (op: Rearrange, count: number): Rearrange => ({
  ...op,
  shape: [count, ...op.shape.slice(1)],
  atoms: op.shape[0] === 1 ? op.atoms : [{ ...op.atoms[0]!, length: count }, ...op.atoms.slice(1)],
});

/**
 * How units pass, found by carrying the movement out on the numbers of units. A unit of which each unit of the value that
 * has any element of it has the same positions passes whole; else the sets of its positions that stay together are its
 * features, as those of a flattened map are.
 */
function unitsMoved(op: Rearrange, input: Shape, output: Shape): readonly UnitMap[] {
  const pairs = unitPairs(op, elementCount(input.slice(1)), elementCount(output.slice(1)));
  const features = new Map<number, number>();
  const featureOf = new Map<number, number>();
  let isDivided = false;
  for (const { from, positions } of pairs) {
    if (!features.has(positions)) features.set(positions, features.size);
    const known = featureOf.get(from);
    if (known !== undefined && known !== positions) isDivided = true;
    featureOf.set(from, positions);
  }
  const fans = isDivided ? fansOf(pairs, features) : new Map<number, number>();
  const maps: UnitMap[] = [];
  for (const [from, toStart] of fans) {
    const last = maps.at(-1);
    const isNext =
      last !== undefined &&
      last.fromStart + last.count === from &&
      last.toStart + last.count * last.spread === toStart;
    if (isNext) maps[maps.length - 1] = { ...last, count: last.count + 1 };
    else maps.push({ input: 0, fromStart: from, count: 1, toStart, spread: features.size });
  }
  for (const { from, to, positions } of pairs) {
    if (fans.has(from)) continue;
    const at = features.get(positions)!;
    const feature = isDivided ? { of: features.size, at } : undefined;
    const last = maps.at(-1);
    const isNext =
      last !== undefined &&
      last.fromStart + last.count === from &&
      last.toStart + last.count === to &&
      last.feature?.at === feature?.at;
    if (isNext) maps[maps.length - 1] = { ...last, count: last.count + 1 };
    else maps.push({ input: 0, fromStart: from, count: 1, toStart: to, spread: 1, feature });
  }
  return maps;
}

/**
 * Units of the input of which all features, in their order, are units of the value that follow each other (as where
 * channels and tokens are exchanged, or a map is read flat), with the first of these: one map instead of one for each
 * feature. Ascending.
 */
function fansOf(pairs: readonly UnitPair[], features: ReadonlyMap<number, number>): Map<number, number> {
  const starts = new Map<number, number>();
  const counts = new Map<number, number>();
  const others = new Set<number>();
  for (const { from, to, positions } of pairs) {
    const count = counts.get(from) ?? 0;
    if (count === 0) starts.set(from, to);
    if (to !== starts.get(from)! + count || features.get(positions) !== count) others.add(from);
    counts.set(from, count + 1);
  }
  const isFan = (from: number) => counts.get(from) === features.size && !others.has(from);
  return new Map([...starts].filter(([from]) => isFan(from)).sort(([a], [b]) => a - b));
}

/** Units of the input and of the value that share elements, with a number for the set of positions that they share. */
interface UnitPair {
  readonly from: number;
  readonly to: number;
  readonly positions: number;
}

function unitPairs(op: Rearrange, inPlane: number, outPlane: number): UnitPair[] {
  const moved = elementsMoved(op);
  const numberOf = new Map<string, number>();
  const pairs: UnitPair[] = [];
  for (let to = 0; to * outPlane < moved.length; to++) {
    const found = new Map<number, number[]>();
    for (let e = to * outPlane; e < (to + 1) * outPlane; e++) {
      const from = Math.floor(moved[e]! / inPlane);
      const positions = found.get(from);
      if (positions === undefined) found.set(from, [moved[e]! % inPlane]);
      else positions.push(moved[e]! % inPlane);
    }
    for (const [from, positions] of found) {
      const key = Int32Array.from(positions).sort().join();
      if (!numberOf.has(key)) numberOf.set(key, numberOf.size);
      pairs.push({ from, to, positions: numberOf.get(key)! });
    }
  }
  return pairs;
}
