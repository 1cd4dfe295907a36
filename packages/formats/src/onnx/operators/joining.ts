/**
 * Concat along positions: every part is put at its place among zeros, and these are added. Constants among them (class
 * tokens) are learned values, the same for every example.
 */
import { allPlaces, placesTaken } from "@phew/core";
import { laid, unitAxisOfValue, unitsAlong } from "../arranging.ts";
import { computedConstant, transposed } from "../constants.ts";
import type { Importer } from "../importer.ts";
import { naturalOrder, permutedOrder } from "../order.ts";
import type { NodePart } from "../parts.ts";
import { isFloat, numbersOf } from "../tensors.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, product } from "../values.ts";

/** Where units and positions are among ONNX's axes. */
interface Axes {
  readonly units: number;
  /** All but the batch and the units. */
  readonly places: readonly number[];
  readonly joined: number;
}

/** @returns undefined where the axis tells units, so that they are joined as such */
export function joinedPlaces(
  context: Importer,
  node: NodePart,
  parts: readonly (Activation | Constant)[],
  joined: number,
): Activation | undefined {
  const first = parts.find((part): part is Activation => part.kind === "activation");
  const isFirst = first?.order === undefined && first?.dims[1] === first?.shape[0];
  const units = first && (isFirst ? 1 : unitAxisOfValue(first));
  if (first === undefined || units === undefined || units === joined || joined === 0) return undefined;
  const { dims } = first;
  const places = dims.map((_, axis) => axis).filter((axis) => axis > 0 && axis !== units);
  const isAlike = parts.every(
    (part) =>
      part.dims.length === dims.length && part.dims.every((n, k) => k === 0 || k === joined || n === dims[k]),
  );
  if (!isAlike || places.length > 2)
    throw new Unsupported(
      `it joins ${parts.map((part) => dimsText(part.dims)).join(" and ")} along axis ${joined}`,
    );
  const axes = { units, places, joined };
  const lengths = parts.map((part) => part.dims[joined]!);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  let before = 0;
  const placed = parts.map((part, k) => {
    const value =
      part.kind === "constant"
        ? learnedValue(context, node, part, k, first, axes)
        : inCore(context, part, axes);
    const taken = Array.from({ length: total }, (_, at) =>
      at >= before && at < before + lengths[k]! ? at - before : undefined,
    );
    before += lengths[k]!;
    const terms = places.map((axis) =>
      axis === joined ? placesTaken(lengths[k]!, taken) : allPlaces(dims[axis]!),
    );
    const rows = places.length === 1 ? [allPlaces(1)] : [];
    const own = { ...node, title: `${node.title}/${k + 1}` };
    return context.emit(own, { kind: "resample", name: "pad", axes: [...rows, ...terms], fill: 0 }, [value]);
  });
  const sum = context.emit(node, { kind: "add" }, placed);
  const order = [units, ...places];
  const back = [0, ...dims.slice(1).map((_, axis) => order.indexOf(axis + 1) + 1)];
  const whole = places.map((axis) => (axis === joined ? total : dims[axis]!));
  return laid(sum, permutedOrder(naturalOrder([context.batch, dims[units]!, ...whole]), back));
}

const placeLengths = ({ dims }: { readonly dims: readonly number[] }, { places }: Axes): number[] =>
  places.length === 1 ? [1, dims[places[0]!]!] : places.map((axis) => dims[axis]!);

function inCore(context: Importer, value: Activation, axes: Axes): Activation {
  return unitsAlong(context, value, [axes.units], placeLengths(value, axes));
}

/** A constant of one example, or of a whole batch that it is repeated for. @param input its index @param beside a value of the network */
function learnedValue(
  context: Importer,
  node: NodePart,
  constant: Constant,
  input: number,
  beside: Activation,
  axes: Axes,
): Activation {
  if (!isFloat(constant.dtype)) throw new Unsupported(`it joins a constant of ${constant.dtype} to a value`);
  const permutation = [0, axes.units, ...axes.places];
  const own = transposed(oneExample(constant), constant.name, permutation);
  const shape = [constant.dims[axes.units]!, ...placeLengths(constant, axes)];
  const value = context.parameters.add(node, own, "shift", shape, { permutation });
  const titled = { ...node, title: `${node.title}/${constant.name}` };
  const learned = context.emit(titled, { kind: "learned", value, shape }, [beside]);
  const unitAxes = constant.dims.map((_, axis) => (axis === axes.units ? learned.spec : undefined));
  context.use(node, input, constant, unitAxes, value);
  return learned;
}

/** @throws Unsupported if examples differ */
function oneExample(constant: Constant): Constant {
  const [count, ...dims] = constant.dims as [number, ...number[]];
  if (count === 1) return constant;
  const numbers = numbersOf(constant.read());
  const size = product(dims);
  for (let k = size; k < numbers.length; k++)
    if (numbers[k] !== numbers[k % size])
      throw new Unsupported("it joins a constant that differs by example");
  return computedConstant(constant.name, [1, ...dims], constant.dtype, numbers.slice(0, size));
}
