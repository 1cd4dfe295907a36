/** Units that are read several times side by side: keys and values of grouped-query attention, for each head of a group. */
import { laid, orderOf, unitsAlong } from "../arranging.ts";
import { requireAxis } from "../axisLimit.ts";
import type { Importer } from "../importer.ts";
import { type Atom, partsOf } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { type Activation, product } from "../values.ts";

/**
 * The value with `count` copies along an axis of length 1 behind which units stand.
 * @returns undefined where no axis behind it tells units alone
 */
export function unitsRepeated(
  context: Importer,
  node: NodePart,
  given: Activation,
  axis: number,
  count: number,
): Activation | undefined {
  const value = context.laid(given, "an expansion");
  const plane = product(value.shape.slice(1));
  const ofUnits = orderOf(value).axes.map((atoms) => {
    if (atoms.length === 0 || atoms.some(({ stride }) => stride === undefined)) return false;
    return partsOf(atoms, plane)?.every(({ isOfUnits }) => isOfUnits) ?? false;
  });
  const axes = ofUnits.flatMap((own, k) => (own ? [k] : []));
  if (!axes.some((k) => k > axis)) return undefined;
  requireAxis(count);
  const along = unitsAlong(context, value, axes);
  const lengths = axes.map((k) => value.dims[k]!);
  const behind = product(lengths.filter((_, k) => axes[k]! > axis));
  const units = along.shape[0]!;
  const index = Array.from({ length: units * count }, (_, u) => {
    const before = Math.floor(u / (behind * count));
    return before * behind + (u % behind);
  });
  const repeated = context.emit(node, { kind: "select", index }, [along]);
  // no file keeps fewer units of a head
  context.divided.add(along.spec).add(repeated.spec);
  const places = product(repeated.shape.slice(1));
  let stride = units * count * places;
  const own = orderOf(along).axes.map((atoms, k): readonly Atom[] => {
    if (k !== axis && !axes.includes(k)) return atoms;
    const length = k === axis ? count : value.dims[k]!;
    stride /= length;
    return [{ length, stride }];
  });
  return laid({ ...repeated, exclusive: false }, { offset: 0, axes: own });
}
