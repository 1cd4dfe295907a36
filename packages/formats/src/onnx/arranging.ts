/**
 * Values of the network in the order that an operation needs: as they lie where that is right already, else by an
 * operation that selects units or moves elements.
 */
import type { Operation, Shape } from "@phew/core";
import {
  type Atom,
  dimsOfOrder,
  isNatural,
  isWhole,
  joined,
  lengthOf,
  naturalOrder,
  type Order,
  partsOf,
  placesOf,
  sameAtoms,
  sameOrder,
} from "./order.ts";
import type { NodePart } from "./parts.ts";
import { Unsupported } from "./unsupported.ts";
import { type Activation, dimsText, product, sameDims } from "./values.ts";

/** What reads a graph, as far as values are moved in it. */
export interface Moving {
  /** The node that is being read. */
  readonly reading: NodePart;
  emit(node: NodePart, op: Operation, inputs: readonly Activation[]): Activation;
  /** All elements of a value as features, in the order of core. */
  flattened(value: Activation): Activation;
  /** Told of each value whose units are looked for along some axes. */
  chooseUnits(value: Activation, axes: readonly number[]): void;
}

export const orderOf = ({ order, dims }: Activation): Order => order ?? naturalOrder(dims);

/** The same value in another order; the order is left out where it is the natural one. */
export function laid(
  value: Activation,
  order: Order,
  dims: readonly number[] = dimsOfOrder(order),
): Activation {
  const { order: _, ...rest } = value;
  return isNatural(order, product(value.shape)) ? { ...rest, dims } : { ...rest, dims, order };
}

const planeOf = ([, ...positions]: Shape): number => product(positions);

/** The atom that counts a value's units. */
const unitAtoms = ([units, ...positions]: Shape): readonly Atom[] =>
  units === 1 ? [] : [{ length: units!, stride: product(positions) }];

/** True if these axes, one after the other, count the units of the value in their order. */
export function countUnits(value: Activation, axes: readonly number[]): boolean {
  const order = orderOf(value);
  const found = joined(axes.flatMap((axis) => order.axes[axis]!));
  return isWhole(order, product(value.shape)) && sameAtoms(found, unitAtoms(value.shape));
}

/** The axis that counts the units; undefined if none does alone. */
export function unitAxisOfValue(value: Activation): number | undefined {
  // of a single unit, the usual one
  const axes = value.dims.map((_, axis) => axis).filter((axis) => countUnits(value, [axis]));
  return axes.length > 1 ? axes.find((axis) => axis > 0) : axes[0];
}

/**
 * The value with each of its elements once, as operations need it: of a part, units before positions, both in the order
 * of the file's axes.
 */
export function settled(context: Moving, value: Activation): Activation {
  const order = orderOf(value);
  if (isWhole(order, product(value.shape))) return value;
  const plane = planeOf(value.shape);
  const parts = order.axes.map((atoms) => partsOf(atoms, plane));
  const known = parts.filter((part) => part !== undefined);
  if (known.length < parts.length)
    throw new Unsupported(`it reads parts of both units and positions, of ${dimsText(value.dims)}`);
  const units = known.flat().filter(({ isOfUnits }) => isOfUnits);
  const byAxis = known.map((axis) =>
    axis.filter(({ isOfUnits, stride }) => !isOfUnits && stride !== undefined),
  );
  const places = byAxis.flat();
  const steps = stridesFor([...units, ...places]);
  const axes = known.map((axis) => axis.map((atom) => steps.get(atom) ?? atom));
  const shape = [lengthOf(units), ...positionLengths(value, places, byAxis.map(lengthOf))];
  return moved(context, value, { shape, order: { offset: 0, axes } });
}

/**
 * The value such that these axes, one after the other, count its units; all others are positions.
 * @param positions lengths of the positions' axes in core, where they matter
 */
export function unitsAlong(
  context: Moving,
  value: Activation,
  axes: readonly number[],
  positions?: readonly number[],
): Activation {
  context.chooseUnits(value, axes);
  const asItIs = positions === undefined || sameDims(value.shape.slice(1), positions);
  if (asItIs && countUnits(value, axes) && arePositionsInOrder(value, axes, positions)) return value;
  const order = orderOf(value);
  const wanted = axes.flatMap((axis) => order.axes[axis]!);
  const others = order.axes.flatMap((atoms, axis) => (axes.includes(axis) ? [] : atoms));
  if (wanted.some(({ stride }) => stride === undefined))
    throw new Unsupported(`it reads examples of the batch as units, ${dimsText(value.dims)}`);
  const places = others.filter(({ stride }) => stride !== undefined);
  const byAxis = order.axes.flatMap((atoms, axis) => {
    const isBatch = atoms.length > 0 && atoms.every(({ stride }) => stride === undefined);
    return axes.includes(axis) || isBatch
      ? []
      : [lengthOf(atoms.filter(({ stride }) => stride !== undefined))];
  });
  const lengths = positions ?? positionLengths(value, places, byAxis);
  const steps = stridesFor([...wanted, ...places]);
  const target = { offset: 0, axes: order.axes.map((atoms) => atoms.map((atom) => steps.get(atom) ?? atom)) };
  return moved(context, value, { shape: [lengthOf(wanted), ...lengths], order: target });
}

/** Where an operation reads positions side by side they must lie in their order too. */
function arePositionsInOrder(
  value: Activation,
  axes: readonly number[],
  positions: readonly number[] | undefined,
) {
  if (positions === undefined) return true;
  const order = orderOf(value);
  const others = order.axes.flatMap((atoms, axis) => (axes.includes(axis) ? [] : atoms));
  const places = joined(others.filter(({ stride }) => stride !== undefined));
  const plane = planeOf(value.shape);
  return sameAtoms(places, plane === 1 ? [] : [{ length: plane, stride: 1 }]);
}

/** Positions as they are where they stay whole and in order, else an axis for each, as many as core has. */
function positionLengths(
  value: Activation,
  places: readonly Atom[],
  byAxis: readonly number[],
): readonly number[] {
  const plane = planeOf(value.shape);
  const isUnchanged = sameAtoms(joined(places), plane === 1 ? [] : [{ length: plane, stride: 1 }]);
  if (isUnchanged) return value.shape.slice(1);
  const lengths = byAxis.filter((length) => length > 1);
  if (lengths.length === 0) return [];
  if (lengths.length === 1) return [1, ...lengths];
  return lengths.length <= 3 ? lengths : [product(lengths.slice(0, -1)), lengths.at(-1)!];
}

/** Atoms, outer ones first, as they lie row-major. */
function stridesFor(atoms: readonly Atom[]): ReadonlyMap<Atom, Atom> {
  const found = new Map<Atom, Atom>();
  let stride = 1;
  for (const atom of atoms.toReversed()) {
    found.set(atom, { length: atom.length, stride });
    stride *= atom.length;
  }
  return found;
}

/** A value of the network as it is to lie. */
interface Arrangement {
  readonly shape: Shape;
  readonly order: Order;
}

/** The value with its elements where another has them. @throws Unsupported if their axes are divided differently */
export function movedTo(context: Moving, value: Activation, other: Activation): Activation {
  const order = orderOf(other);
  if (sameDims(value.shape, other.shape) && sameOrder(orderOf(value), order)) return value;
  return moved(context, value, { shape: other.shape, order });
}

/** Emits what moves elements. */
function moved(context: Moving, value: Activation, { shape, order }: Arrangement): Activation {
  const own = orderOf(value);
  const digits = own.axes.flatMap((atoms, axis) => refined(atoms, order.axes[axis]!));
  if (digits.includes(undefined))
    throw new Unsupported(
      `the axes of ${dimsText(value.dims)} are divided differently in what it is put together with`,
    );
  const inner = (digits as Digit[])
    .filter(({ to }) => to !== undefined)
    .sort((a, b) => b.to! - a.to! || b.length - a.length);
  const from = joined(inner.map(({ length, from: stride }) => ({ length, stride })));
  const [op, inputs] = movement(context, value, own.offset, from, shape);
  const base = context.emit(context.reading, op, inputs);
  return laid({ ...base, exclusive: false }, order, value.dims);
}

/** A common part of two atoms: its length, and its strides in both values. */
interface Digit {
  readonly length: number;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** Two lists of atoms of the same length, divided into parts that both have; undefined among them where none are. */
function refined(from: readonly Atom[], to: readonly Atom[]): (Digit | undefined)[] {
  const digits: (Digit | undefined)[] = [];
  const [a, b] = [[...from], [...to]];
  while (a.length > 0 && b.length > 0) {
    const [x, y] = [a.pop()!, b.pop()!];
    const length = Math.min(x.length, y.length);
    const isShared = x.length % length === 0 && y.length % length === 0;
    if (!isShared || (x.stride === undefined) !== (y.stride === undefined)) return [undefined];
    digits.unshift({ length, from: x.stride, to: y.stride });
    if (x.length > length) a.push({ length: x.length / length, stride: x.stride! * length });
    if (y.length > length) b.push({ length: y.length / length, stride: y.stride! * length });
  }
  return a.length + b.length > 0 ? [undefined] : digits;
}

/** The operation that has the elements at `offset` and on along `atoms`, in their order, and its input. */
function movement(
  context: Moving,
  value: Activation,
  offset: number,
  atoms: readonly Atom[],
  shape: Shape,
): [Operation, readonly Activation[]] {
  const plane = planeOf(value.shape);
  const isOfUnits = sameDims(shape.slice(1), value.shape.slice(1)) && isPlane(atoms.at(-1), plane);
  if (isOfUnits) {
    const units = plane === 1 ? atoms : unitsOf(atoms, plane);
    const isOfWholeUnits = offset % plane === 0 && units.every(({ stride }) => stride! % plane === 0);
    if (isOfWholeUnits)
      return [{ kind: "select", index: placesOf(units, offset).map((at) => at / plane) }, [value]];
  }
  if (shape.length === 1)
    return [{ kind: "select", index: placesOf(atoms, offset) }, [context.flattened(value)]];
  if (product(shape) > MOST_MOVED)
    throw new Unsupported(`it moves ${product(shape)} elements of an example, more than ${MOST_MOVED}`);
  return [
    {
      kind: "rearrange",
      shape,
      offset,
      atoms: atoms.map(({ length, stride }) => ({ length, stride: stride! })),
    },
    [value],
  ];
}

/** Moved elements are listed, 4 to 12 bytes each; those of real networks are some millions. */
const MOST_MOVED = 2 ** 25;

/** True if the last atom runs through all positions of a unit, in order. */
const isPlane = (last: Atom | undefined, plane: number): boolean =>
  plane === 1 || (last?.stride === 1 && last.length % plane === 0);

/** Atoms of units, where the last one runs through whole units, or through the positions of one. */
function unitsOf(atoms: readonly Atom[], plane: number): readonly Atom[] {
  const last = atoms.at(-1)!;
  const rest = last.length / plane;
  return rest === 1 ? atoms.slice(0, -1) : [...atoms.slice(0, -1), { length: rest, stride: plane }];
}
