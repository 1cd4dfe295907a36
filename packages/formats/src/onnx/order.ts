/**
 * The order in which an ONNX tensor holds the elements of a value of the network. As in a strided view, an axis is a
 * list of atoms, outer ones first; at index (i₁, i₂, …) of the atoms an example has its element
 *   offset + Σ i_k · stride_k
 * of the value, row-major over its shape. Reshape splits and joins atoms, Transpose permutes them, Slice shortens them:
 * nothing is copied until an operation needs another order.
 */
import { elementCount } from "@phew/core";

export interface Atom {
  readonly length: number;
  /** Distance between its elements in the value of one example; undefined for the batch. */
  readonly stride: number | undefined;
}

export interface Order {
  readonly offset: number;
  /** By axis of ONNX; none for an axis of length 1. */
  readonly axes: readonly (readonly Atom[])[];
}

export const lengthOf = (atoms: readonly Atom[]): number => elementCount(atoms.map(({ length }) => length));

export const dimsOfOrder = ({ axes }: Order): number[] => axes.map(lengthOf);

const isBatch = ({ stride }: Atom): boolean => stride === undefined;

/** Row-major, the batch first. */
export function naturalOrder([batch, ...lengths]: readonly number[]): Order {
  const axes: Atom[][] = [];
  let stride = 1;
  for (const length of lengths.toReversed()) {
    axes.unshift(length === 1 ? [] : [{ length, stride }]);
    stride *= length;
  }
  return { offset: 0, axes: [[{ length: batch!, stride: undefined }], ...axes] };
}

/** True if the elements are all those of a value of `count` elements, row-major, the batch first. */
export function isNatural({ offset, axes }: Order, count: number): boolean {
  const [first, ...rest] = axes;
  if (offset !== 0 || first?.length !== 1 || !isBatch(first[0]!)) return false;
  const [all, ...others] = joined(rest.flat());
  return others.length === 0 && (all === undefined ? count === 1 : all.length === count && all.stride === 1);
}

/** True if each element of a value of `count` elements is there once. */
export function isWhole({ offset, axes }: Order, count: number): boolean {
  const atoms = axes.flat().filter((atom) => !isBatch(atom));
  let next = 1;
  for (const { length, stride } of atoms.sort((a, b) => a.stride! - b.stride!)) {
    if (stride !== next) return false;
    next *= length;
  }
  return offset === 0 && next === count;
}

/** Neighbouring atoms as one where the elements of both lie evenly. */
export function joined(atoms: readonly Atom[]): Atom[] {
  const result: Atom[] = [];
  for (const atom of atoms) {
    if (atom.length === 1 && !isBatch(atom)) continue;
    const last = result.at(-1);
    const isEven = last?.stride !== undefined && last.stride === (atom.stride ?? Number.NaN) * atom.length;
    if (isEven) result[result.length - 1] = { length: last.length * atom.length, stride: atom.stride };
    else result.push(atom);
  }
  return result;
}

/** The same elements in the same order, under other dims; undefined if an axis would hold a part of two atoms. */
export function reshapedOrder({ offset, axes }: Order, dims: readonly number[]): Order | undefined {
  const waiting = joined(axes.flat());
  const taken: Atom[][] = [];
  for (const [at, length] of dims.entries()) {
    // the last axis tells features: a batch of one example lies with the tokens before them
    const isOfFeatures = at > 0 && at === dims.length - 1 && length > 1;
    if (isOfFeatures && isSingle(waiting[0])) taken.at(-1)!.push(waiting.shift()!);
    const axis: Atom[] = [];
    for (let rest = length; rest > 1 || isSingle(waiting[0]); ) {
      const atom = waiting.shift();
      if (atom === undefined) return undefined;
      if (rest % atom.length === 0) {
        axis.push(atom);
        rest /= atom.length;
        if (rest === 1 && !isSingle(atom)) break;
        continue;
      }
      if (atom.stride === undefined || atom.length % rest !== 0) return undefined;
      const inner = atom.length / rest;
      axis.push({ length: rest, stride: atom.stride * inner });
      waiting.unshift({ length: inner, stride: atom.stride });
      break;
    }
    taken.push(axis);
  }
  if (!waiting.every(isSingle) || taken.length === 0) return undefined;
  // a batch of one example that is left over
  taken.at(-1)!.push(...waiting);
  return { offset, axes: taken };
}

/** A batch of one example goes with the axis that is next. */
const isSingle = (atom: Atom | undefined): boolean =>
  atom !== undefined && isBatch(atom) && atom.length === 1;

/** @param permutation axis k of the result is axis `permutation[k]` */
export const permutedOrder = ({ offset, axes }: Order, permutation: readonly number[]): Order => ({
  offset,
  axes: permutation.map((axis) => axes[axis]!),
});

/**
 * Some indices of an axis, evenly spaced.
 * @returns undefined if they are not evenly spaced in the value, or of the batch
 */
export function slicedOrder(
  { offset, axes }: Order,
  axis: number,
  indices: readonly number[],
): Order | undefined {
  const atoms = joined(axes[axis]!);
  const [outer, ...inner] = atoms;
  const [first, second] = indices;
  const step = second === undefined ? 1 : second - first!;
  if (outer === undefined) return { offset, axes };
  if (!indices.every((index, k) => index === first! + k * step)) return undefined;
  const run = lengthOf(inner);
  const [start, count, by] = [first! / run, indices.length / run, inner.length === 0 ? step : 1];
  const isOfWholeRuns = inner.length === 0 || step === 1;
  if (atoms.some(isBatch) || !isOfWholeRuns || !Number.isInteger(start) || !Number.isInteger(count))
    return undefined;
  const stride = outer.stride!;
  const cut = joined([{ length: count, stride: stride * by }, ...inner]);
  return { offset: offset + start * stride, axes: axes.map((own, k) => (k === axis ? cut : own)) };
}

/** An atom that lies in units or in positions alone: its stride is a multiple of a plane of positions, or within one. */
export interface Part extends Atom {
  readonly isOfUnits: boolean;
}

/** The atoms divided into parts, in their order; undefined if one lies in neither. */
export function partsOf(atoms: readonly Atom[], plane: number): Part[] | undefined {
  const parts: Part[] = [];
  for (const { length, stride } of atoms) {
    const reach = Math.abs(stride ?? 0) * length;
    // what is repeated is so at positions
    const isOfUnits = stride !== undefined && stride !== 0 && stride % plane === 0;
    if (isOfUnits || reach <= plane) parts.push({ length, stride, isOfUnits });
    else if (stride! > 0 && plane % stride! === 0 && reach % plane === 0) {
      parts.push({ length: reach / plane, stride: plane, isOfUnits: true });
      parts.push({ length: plane / stride!, stride, isOfUnits: false });
    } else return undefined;
  }
  return parts;
}

/** For every index of the atoms, row-major, the element of the value. */
export function placesOf(atoms: readonly Atom[], offset = 0): number[] {
  let places = [offset];
  for (const { length, stride } of atoms)
    places = places.flatMap((place) => Array.from({ length }, (_, k) => place + k * stride!));
  return places;
}

export const sameAtoms = (a: readonly Atom[], b: readonly Atom[]): boolean =>
  a.length === b.length &&
  a.every(({ length, stride }, k) => length === b[k]!.length && stride === b[k]!.stride);

export const sameOrder = (a: Order, b: Order): boolean =>
  a.offset === b.offset &&
  a.axes.length === b.axes.length &&
  a.axes.every((atoms, axis) => sameAtoms(joined(atoms), joined(b.axes[axis]!)));
