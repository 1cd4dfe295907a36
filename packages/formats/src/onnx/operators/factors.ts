/**
 * Constants that a value is multiplied with or that are added to it, and that no weight takes up: parameters of their own,
 * with a number for each unit (layer scale) or for each element (position embeddings).
 */
import type { Operation } from "@phew/core";
import { countUnits, orderOf, unitAxisOfValue } from "../arranging.ts";
import {
  computedConstant,
  foldExpand,
  MOST_COMPUTED,
  reshaped,
  smallNumbers,
  transposed,
} from "../constants.ts";
import type { Importer } from "../importer.ts";
import { joined, partsOf } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { isFloat } from "../tensors.ts";
import { type Activation, type Constant, product } from "../values.ts";
import { unitAxis, unitAxisOf } from "./layers.ts";

export interface Factors {
  readonly value: Activation;
  readonly constant: Constant;
  /** Index into the node's inputs. */
  readonly input: number;
  readonly role: "scale" | "shift";
  /** The number that it counts as, where that is not its own: 1 / x of a divisor, −x of what is taken away. */
  readonly counted?: ((x: number) => number) | undefined;
}

/** True for a parameter of a module: PyTorch writes batch normalisation as what it is, and a layer scale as a product. */
export function isOwnParameter({ parts }: Importer, { stored, dtype }: Constant): boolean {
  return stored !== undefined && isFloat(dtype) && ["pytorch", "phew"].includes(parts.producer);
}

/** @returns undefined for a constant of another form than one for each unit or each element */
export function withFactors(context: Importer, node: NodePart, given: Factors): Activation | undefined {
  if (!isFloat(given.constant.dtype)) return undefined;
  return ofUnits(context, node, given) ?? ofElements(context, node, given) ?? ofSome(context, node, given);
}

/**
 * A number for some of the axes (angles of rotary embeddings, a layer scale behind tokens as units), repeated along the
 * others: no parameter, as PyTorch has one number where the network has many.
 */
function ofSome(context: Importer, node: NodePart, given: Factors): Activation | undefined {
  const { value, constant, input, role, counted } = given;
  const { dims, shape } = value;
  const missing = dims.length - constant.dims.length;
  const fits =
    missing >= 0 && constant.dims.every((n, k) => n === 1 || (k + missing > 0 && n === dims[k + missing]));
  if (!fits || product(shape) > MOST_COMPUTED) return undefined;
  const units = unitAxesOfValue(value);
  if (units === undefined || !arePlacesInOrder(value, units)) return undefined;
  const lengths = computedConstant("", [dims.length], "I64", [1, ...dims.slice(1)]);
  const whole = foldExpand(constant.name, constant, lengths);
  const permutation = [...units, ...dims.map((_, k) => k).filter((k) => !units.includes(k))];
  const own = changed(transposed(whole, constant.name, permutation), counted ?? ((x) => x));
  const name = context.parameters.add(node, own, role, shape);
  const result = context.emitLike(node, { kind: "affine", of: "elements", [role]: name, fixed: true }, [
    value,
  ]);
  const tells = (n: number, k: number) => units.length === 1 && k + missing === units[0] && n > 1;
  const axes = constant.dims.map((n, k) => (tells(n, k) ? result.spec : undefined));
  context.use(node, input, constant, axes);
  if (units.length > 1) context.divided.add(result.spec);
  return result;
}

/** The axes that count the units, one after the other, such as heads and the units of a head. */
export function unitAxesOfValue(value: Activation): number[] | undefined {
  const isFirst = value.order === undefined && value.dims[1] === value.shape[0];
  const single = isFirst ? 1 : unitAxisOfValue(value);
  if (single !== undefined) return [single];
  const plane = product(value.shape.slice(1));
  const { axes } = orderOf(value);
  const outermost = (axis: number) => Math.max(...axes[axis]!.map(({ stride }) => stride ?? 0));
  const found = axes
    .map((_, axis) => axis)
    .filter(
      (axis) => axes[axis]!.length > 0 && partsOf(axes[axis]!, plane)?.every(({ isOfUnits }) => isOfUnits),
    )
    .sort((a, b) => outermost(b) - outermost(a));
  return countUnits(value, found) ? found : undefined;
}

function ofUnits(context: Importer, node: NodePart, given: Factors): Activation | undefined {
  const { value, constant, input, role, counted } = given;
  const axis = unitAxisOf(constant.dims, value);
  const [units] = value.shape;
  if (axis === undefined || product(constant.dims) !== units) return undefined;
  const name = counted === undefined ? context.parameters.add(node, constant, role, [units]) : undefined;
  const own = name === undefined ? undefined : taken(context, value, role, name);
  if (own !== undefined) context.replace(value, own);
  const fixed = name ?? context.parameters.add(node, changed(constant, counted!), role, [units!]);
  const result =
    own !== undefined
      ? value
      : context.emitLike(
          node,
          { kind: "affine", of: "units", [role]: fixed, ...(name === undefined && { fixed: true as const }) },
          [value],
        );
  context.use(node, input, constant, unitAxis(constant.dims, axis, result.spec), name);
  return result;
}

/** The operation of a value with the parameter as its own; undefined where it has one, or is of another kind. */
function taken(
  context: Importer,
  value: Activation,
  role: "scale" | "shift",
  name: string,
): Operation | undefined {
  const op = context.operationOf(value);
  if (!value.exclusive) return undefined;
  if (op.kind === "layerNorm") {
    const isFree =
      role === "scale" ? op.scale === undefined : op.scale !== undefined && op.shift === undefined;
    return isFree ? { ...op, [role]: name } : undefined;
  }
  const isFree = op.kind === "affine" && op.of === "units" && !op.fixed && role === "shift";
  return isFree && op.shift === undefined ? { ...op, shift: name } : undefined;
}

function changed(constant: Constant, counted: (x: number) => number): Constant {
  return computedConstant(constant.name, constant.dims, constant.dtype, smallNumbers(constant).map(counted));
}

function ofElements(context: Importer, node: NodePart, given: Factors): Activation | undefined {
  const { value, constant, input, role, counted } = given;
  const { dims, shape } = value;
  const missing = dims.length - constant.dims.length;
  const padded = [...new Array<number>(Math.max(0, missing)).fill(1), ...constant.dims];
  if (missing < 0 || product(padded) !== product(shape) || padded.some((n, k) => k > 0 && n !== dims[k]))
    return undefined;
  const axis = value.order === undefined ? 1 : unitAxisOfValue(value);
  if (axis === undefined || !arePlacesInOrder(value, [axis])) return undefined;
  const whole = reshaped(constant, constant.name, padded);
  const others = padded.map((_, k) => k).filter((k) => k !== axis);
  const permutation = axis === 1 ? undefined : [axis, ...others];
  const unitsFirst = permutation === undefined ? whole : transposed(whole, constant.name, permutation);
  const own = counted === undefined ? unitsFirst : changed(unitsFirst, counted);
  const name = context.parameters.add(node, own, role, shape, { permutation });
  const op = { kind: "affine", of: "elements", [role]: name } as const;
  const result = context.emitLike(node, counted === undefined ? op : { ...op, fixed: true }, [value]);
  const ownAxis = axis - missing;
  const asRead = permutation === undefined ? constant : whole;
  const axes = unitAxis(asRead.dims, permutation === undefined ? ownAxis : axis, result.spec);
  context.use(node, input, asRead, axes, counted === undefined ? name : undefined);
  return result;
}

/** True if the axes beside that of units run through a unit's places in core's order. */
function arePlacesInOrder(value: Activation, units: readonly number[]): boolean {
  if (value.order === undefined) return true;
  const [, ...lengths] = value.shape;
  const plane = product(lengths);
  const places = joined(
    orderOf(value).axes.flatMap((atoms, k) =>
      units.includes(k) ? [] : atoms.filter(({ stride }) => stride !== undefined),
    ),
  );
  const [only, ...more] = places;
  return more.length === 0 && (only === undefined ? plane === 1 : only.stride === 1 && only.length === plane);
}
