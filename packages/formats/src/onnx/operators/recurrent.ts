/**
 * Recurrent layers: LSTM, GRU, RNN, one or two directions. A direction is four nodes of core (operations/recurrent.ts of
 * @phew/core): a dense layer from the input, the state before a step, a dense layer from it, the recurrence. Weights and
 * biases are those of PyTorch's modules, which ONNX stores together and with gates in another order (recurrentGates.ts).
 */
import type { Cell, Recurrent } from "@phew/core";
import { counted, GATE_COUNTS } from "@phew/core";
import { laid, orderOf, unitsAlong } from "../arranging.ts";
import type { Importer } from "../importer.ts";
import { modulePath } from "../moduleNames.ts";
import type { Atom } from "../order.ts";
import type { ParameterPart } from "../parameterSources.ts";
import type { NodePart } from "../parts.ts";
import { gatesOf } from "../recurrentGates.ts";
import { numbersOf } from "../tensors.ts";
import { Unsupported } from "../unsupported.ts";
import { type Activation, type Constant, dimsText, sameDims, type Value } from "../values.ts";
import type { Operator } from "./operator.ts";

/** Functions of one direction, as ONNX has them unless the node names others. */
const FUNCTIONS: Readonly<Record<string, readonly string[]>> = {
  LSTM: ["Sigmoid", "Tanh", "Tanh"],
  GRU: ["Sigmoid", "Tanh"],
  RNN: ["Tanh"],
};

/** Inputs behind the bias. */
const LENGTHS = 4;
const STATE = 5;
const CELL_STATE = 6;
const PEEPHOLES = 7;

export const recurrent: Operator = (context, node, inputs) => {
  const attributes = context.attributes(node);
  const [x, w, r, b] = inputs;
  const named = attributes.text("direction", "forward");
  const directions = named === "bidirectional" ? 2 : 1;
  if (!["forward", "reverse", "bidirectional"].includes(named))
    throw new Unsupported(`it has the direction "${named}"`);
  const cell = cellOf(node, attributes.texts("activations"), directions);
  requirePlain(context, node, inputs);
  const [weight, hiddenWeight] = [
    context.constant(w, "its weight from the input"),
    context.constant(r, "its weight from the state"),
  ];
  const bias = b === undefined ? undefined : context.constant(b, "its bias");
  const units = attributes.int("hidden_size", hiddenWeight.dims[2] ?? 0);
  const rows = GATE_COUNTS[cell] * units;
  const given = sequences(context, x);
  const [features, , steps] = given.shape as [number, number, number];
  const fits =
    units >= 1 &&
    sameDims(weight.dims, [directions, rows, features]) &&
    sameDims(hiddenWeight.dims, [directions, rows, units]) &&
    (bias === undefined || sameDims(bias.dims, [directions, 2 * rows]));
  if (!fits) {
    throw new Unsupported(
      `weights of shapes ${dimsText(weight.dims)} and ${dimsText(hiddenWeight.dims)} do not fit ${counted(directions, "direction")} of ${counted(units, "unit")} on sequences of ${counted(features, "feature")}`,
    );
  }
  const resetsState = cell === "gru" && attributes.int("linear_before_reset", 0) === 0;
  const layer: Layer = {
    context,
    node,
    cell,
    units,
    rows,
    directions,
    resetsState,
    weight,
    hiddenWeight,
    bias,
  };
  const found = Array.from({ length: directions }, (_, direction) =>
    oneDirection(layer, direction, direction === 1 || named === "reverse", given),
  );
  useConstants(layer, found, given.spec);
  const [all, last, cellState] = node.output ?? [];
  if (cellState !== undefined && cellState !== "" && context.isRead(cellState))
    throw new Unsupported("the state of its cells is read, which is not carried here");
  return [
    all === undefined || all === "" ? undefined : allSteps(layer, found, steps),
    last !== undefined && last !== "" && context.isRead(last) ? lastSteps(layer, found, steps) : undefined,
  ];
};

interface Layer {
  readonly context: Importer;
  readonly node: NodePart;
  readonly cell: Cell;
  readonly units: number;
  /** gates · units */
  readonly rows: number;
  readonly directions: number;
  readonly resetsState: boolean;
  readonly weight: Constant;
  readonly hiddenWeight: Constant;
  readonly bias: Constant | undefined;
}

/** The nodes of a direction. */
interface Direction {
  readonly isReverse: boolean;
  /** What the dense layers give, and the layer itself. */
  readonly sums: Activation;
  readonly hiddenSums: Activation;
  readonly value: Activation;
  readonly weights: readonly [input: ParameterPart, hidden: ParameterPart];
  readonly biases: readonly ParameterPart[];
}

function cellOf({ opType = "" }: NodePart, named: readonly string[] | undefined, directions: number): Cell {
  const usual = FUNCTIONS[opType]!;
  const functions = named ?? Array.from({ length: directions }, () => usual).flat();
  const own = functions.slice(0, usual.length);
  const isOfAll = functions.every((name, k) => name === own[k % own.length]);
  const isUsual = isOfAll && functions.length === directions * usual.length;
  if (isUsual && opType === "RNN" && own[0] === "Relu") return "relu";
  if (isUsual && own.every((name, k) => name === usual[k])) return CELLS[opType]!;
  throw new Unsupported(`its gates compute ${functions.join(", ")}, and here ${usual.join(", ")}`);
}

const CELLS: Readonly<Record<string, Cell>> = { LSTM: "lstm", GRU: "gru", RNN: "tanh" };

/** @throws Unsupported for what no layer here has */
function requirePlain(context: Importer, node: NodePart, inputs: readonly (Value | undefined)[]): void {
  const attributes = context.attributes(node);
  if (attributes.int("layout", 0) !== 0)
    throw new Unsupported("it has the batch on its first axis (layout 1): export it with layout 0");
  if (attributes.has("clip")) throw new Unsupported("it limits what its gates compute (clip)");
  if (attributes.int("input_forget", 0) !== 0) throw new Unsupported("its input and forget gates are one");
  if (inputs[PEEPHOLES] !== undefined) throw new Unsupported("its gates see its cells (peepholes)");
  if (inputs[LENGTHS] !== undefined)
    throw new Unsupported(
      "it is given the lengths of its sequences: export it for sequences of one length, without pack_padded_sequence",
    );
  for (const input of [STATE, CELL_STATE]) {
    const state = inputs[input];
    if (state !== undefined && !isZeros(state))
      throw new Unsupported("it begins with another state than zeros: export it without h_0 and c_0");
  }
}

function isZeros(value: Value): boolean {
  if (value.kind !== "constant") return false;
  return (
    value.uniform === 0 || (value.uniform === undefined && numbersOf(value.read()).every((n) => n === 0))
  );
}

/** `[steps, batch, features]` as `[features, 1, steps]` */
function sequences(context: Importer, x: Value | undefined): Activation {
  const value = context.laid(x, "a recurrent layer");
  if (value.dims.length !== 3)
    throw new Unsupported(`it reads ${dimsText(value.dims)}, and sequences are [steps, batch, features]`);
  const [steps, batch] = orderOf(value).axes as [readonly Atom[], readonly Atom[]];
  if (steps.some(({ stride }) => stride === undefined) || batch.some(({ stride }) => stride !== undefined))
    throw new Unsupported(
      "its sequences do not stand side by side in the batch, which is the first axis of an input: export it with batch_first=True",
    );
  return unitsAlong(context, value, [2], [1, value.dims[0]!]);
}

function oneDirection(layer: Layer, direction: number, isReverse: boolean, given: Activation): Direction {
  const { context, node, cell, rows, units, weight, hiddenWeight, bias } = layer;
  const suffix = direction === 1 ? "_reverse" : "";
  const named = (part: string): NodePart => ({ ...node, title: `${node.title}/${part}${suffix}` });
  const weightName =
    context.parameters.partName(node, 1, direction, weight) ?? ownName(node, "weight_ih", suffix);
  const hiddenName =
    context.parameters.partName(node, 2, direction, hiddenWeight) ?? ownName(node, "weight_hh", suffix);
  const part = (
    constant: Constant,
    wanted: string,
    role: "weight" | "bias",
    shape: readonly number[],
    placeOf: (k: number) => number,
  ) => context.parameters.addPart(constant, { name: wanted, role, shape, placeOf });
  const weights = [
    part(
      weight,
      weightName,
      "weight",
      [rows, given.shape[0]!],
      gatesOf(node, 1, weight.dims)!.placesOf[direction]!,
    ),
    part(
      hiddenWeight,
      hiddenName,
      "weight",
      [rows, units],
      gatesOf(node, 2, hiddenWeight.dims)!.placesOf[direction]!,
    ),
  ] as const;
  const biases = bias === undefined ? [] : biasParts(layer, bias, direction, [weightName, hiddenName]);
  const dense = (at: 0 | 1, input: Activation): Activation => {
    const op = { kind: "dense", weight: weights[at].name, outFeatures: rows } as const;
    const own = biases[at] === undefined ? op : { ...op, bias: biases[at].name };
    return context.emit(named(at === 0 ? "input" : "hidden"), own, [input]);
  };
  const common = {
    kind: "recurrent",
    cell,
    isReverse,
    hiddenWeight: weights[1].name,
    hiddenBias: biases[1]?.name,
    ...(layer.resetsState && { resetsState: true }),
    // one number says how many units either direction has
    ...(layer.directions === 2 && { keepsUnits: true }),
  } satisfies Omit<Recurrent, "state">;
  const sums = dense(0, given);
  const before = context.emit(named("before"), { ...common, state: "before" }, [sums]);
  const hiddenSums = dense(1, before);
  const value = context.emit(direction === 0 ? node : named("step"), { ...common, state: "own" }, [
    sums,
    hiddenSums,
  ]);
  return { isReverse, sums, hiddenSums, value, weights, biases };
}

/** `[directions, 2 · rows]`: of the input, then of the state. */
function biasParts(
  { context, node, rows }: Layer,
  bias: Constant,
  direction: number,
  weightNames: readonly [string, string],
): ParameterPart[] {
  const order = gatesOf(node, 1, [1, rows, 1])!.placesOf[0]!;
  return weightNames.map((weightName, k) => {
    const name = weightName.includes("weight")
      ? weightName.replace(/weight(?!.*weight)/, "bias")
      : `${weightName}_bias`;
    const placeOf = (row: number) => (2 * direction + k) * rows + order(row);
    return context.parameters.addPart(bias, { name, role: "bias", shape: [rows], placeOf });
  });
}

function ownName(node: NodePart, part: string, suffix: string): string {
  return `${modulePath(node) ?? node.title}.${part}${suffix}`;
}

/** Which elements of the file's constants are which parameters, and which of its axes count units. */
function useConstants(layer: Layer, found: readonly Direction[], input: string): void {
  const { context, node, cell, weight, hiddenWeight, bias, directions } = layer;
  const [first] = found as [Direction];
  const gates = GATE_COUNTS[cell];
  // of two directions none loses units
  const units = directions === 1 ? first.value.spec : undefined;
  const parts = (of: (direction: Direction) => readonly ParameterPart[]) => found.flatMap(of);
  const use = (
    at: number,
    constant: Constant,
    axes: readonly (string | undefined)[],
    blocks: readonly number[],
    own: readonly ParameterPart[],
  ) => context.useParts(node, at, constant, axes, { blocks, parts: own });
  use(
    1,
    weight,
    [undefined, units, input],
    [1, gates, 1],
    parts(({ weights }) => [weights[0]]),
  );
  use(
    2,
    hiddenWeight,
    [undefined, units, units],
    [1, gates, 1],
    parts(({ weights }) => [weights[1]]),
  );
  if (bias !== undefined)
    use(
      3,
      bias,
      [undefined, units],
      [1, 2 * gates],
      parts(({ biases }) => biases),
    );
}

/** `[steps, directions, batch, units]` */
function allSteps(
  { context, node, units, directions }: Layer,
  found: readonly Direction[],
  steps: number,
): Activation {
  const value =
    directions === 1
      ? found[0]!.value
      : context.emit(
          { ...node, title: `${node.title}/directions` },
          { kind: "concat" },
          found.map((each) => each.value),
        );
  const batch = { length: context.batch, stride: undefined };
  return laid(value, {
    offset: 0,
    axes: [atom(steps, 1), atom(directions, units * steps), [batch], atom(units, steps)],
  });
}

/** `[directions, batch, units]`: the state after the last step that each direction takes. */
function lastSteps(
  { context, node, units, directions }: Layer,
  found: readonly Direction[],
  steps: number,
): Activation {
  const ends = found.map(({ isReverse, value }, k) =>
    context.emit(
      { ...node, title: `${node.title}/last${k === 0 ? "" : "_reverse"}` },
      {
        kind: "rearrange",
        shape: [units],
        offset: isReverse ? 0 : steps - 1,
        atoms: [{ length: units, stride: steps }],
      },
      [value],
    ),
  );
  const value =
    directions === 1
      ? ends[0]!
      : context.emit({ ...node, title: `${node.title}/last states` }, { kind: "concat" }, ends);
  const batch = { length: context.batch, stride: undefined };
  return laid(value, { offset: 0, axes: [atom(directions, units), [batch], atom(units, 1)] });
}

const atom = (length: number, stride: number): Atom[] => (length === 1 ? [] : [{ length, stride }]);
