/**
 * What a recurrent layer does with its weighted sums, step by step along the last axis, from the last step back where it
 * `isReverse`. Its weights are those of two dense layers: one from the input to the gates of every hidden unit, one from
 * the hidden units to them. Values are `[gates · hidden, …, steps]`, gates in PyTorch's order, the result is
 * `[hidden, …, steps]`. Of x, what the first layer gives for a step, and y, what the second one gives for the state
 * before it (zeros before the first step):
 *   lstm   i, f, g, o = σ, σ, tanh, σ (x + y),   c ← f ∘ c + i ∘ g,   h = o ∘ tanh(c)
 *   gru    r, z = σ(x + y),   n = tanh(x_n + r ∘ y_n),   h ← (1 − z) ∘ n + z ∘ h;
 *          with `resetsState` y_n is what the second layer gives for r ∘ h
 *   tanh, relu   h = f(x + y)
 *
 * For walks and path sums the layer is unrolled once. Its four nodes, of which two are of this kind:
 *   input → dense → `before` → dense → `own`,   and the first dense layer into `own` too
 * so that a path passes input weights alone, or input weights, hidden weights, and ends at a hidden unit. Gates of a unit
 * are added, as paths pass through either factor of a product; steps do not multiply paths: a step goes on as itself.
 * What is computed is the whole recurrence (network/unrolled.ts): the values of `before` and of the second dense layer
 * are those of the steps before.
 */
import { ArgumentError } from "../errors.ts";
import { ASSUMES_NOTHING, NO_GRADIENTS, NO_PARAMETERS, type OperationDefinition } from "./definition.ts";
import { throughMeeting } from "./repeats.ts";
import { elementCount } from "./shape.ts";

/** Number of gates by the kind of cell. */
export const GATE_COUNTS = { lstm: 4, gru: 3, tanh: 1, relu: 1 } as const;
export type Cell = keyof typeof GATE_COUNTS;

export interface Recurrent {
  readonly kind: "recurrent";
  readonly cell: Cell;
  /** `before`: the state that a step finds, of the input's sums alone. `own`: the state after it, of both sums. */
  readonly state: "before" | "own";
  /** True: from the last step to the first. */
  readonly isReverse: boolean;
  /** Of a gru: hidden weights multiply what its reset gate leaves of the state, as Keras' do; absent: PyTorch's order. */
  readonly resetsState?: boolean | undefined;
  /** Names of what the second dense layer has. */
  readonly hiddenWeight: string;
  readonly hiddenBias?: string | undefined;
  /** True where the layer may lose no units. */
  readonly keepsUnits?: boolean | undefined;
}

export const recurrent: OperationDefinition<Recurrent> = {
  kind: "recurrent",
  arity: [1, 2],
  parameters: () => NO_PARAMETERS,
  shape(op, inputs, node) {
    const [rows, ...places] = inputs[0]!;
    const gates = GATE_COUNTS[op.cell];
    const fits =
      inputs.length === (op.state === "own" ? 2 : 1) &&
      rows! % gates === 0 &&
      places.length === 2 &&
      places[0] === 1 &&
      inputs.every((shape) => shape.join() === inputs[0]!.join());
    if (fits) return [rows! / gates, ...places];
    throw new ArgumentError(`layer "${node}"`, {
      given: `sums of shapes ${inputs.map((s) => `[${s.join(", ")}]`).join(" and ")}`,
      expected: `[${gates} · hidden units, 1, steps], ${op.state === "own" ? "of the input and of the state before" : "of the input"}`,
    });
  },
  units: ({ cell }, inputs) =>
    inputs.flatMap(([rows], input) => {
      const count = rows! / GATE_COUNTS[cell];
      return Array.from({ length: GATE_COUNTS[cell] }, (_, gate) => ({
        input,
        fromStart: gate * count,
        count,
        toStart: 0,
        spread: 1,
      }));
    }),
  // a state before is not 0 where hidden units alone lead to it
  keepsZero: ({ state }) => state === "own",
  makesZero: ({ state }, _weight, _unit, comesOfZeros) => state === "own" && comesOfZeros,
  // by way of other hidden units, one step after the other
  couples: () => true,
  isNonNegative: ({ cell }) => cell === "relu",
  adds: false,
  shrink: (op) => (op.keepsUnits ? undefined : () => op),
  assumes: ASSUMES_NOTHING,
  label: ({ cell, state }) => `${state === "before" ? "state before " : ""}${LABELS[cell]}`,
  repeats: (_op, inputs) => throughMeeting(inputs),
  pathForward({ cell }, given) {
    const output = new Float64Array(elementCount(given.outputShape));
    for (const values of given.inputs)
      for (let gate = 0, at = 0; gate < GATE_COUNTS[cell]; gate++)
        for (let k = 0; k < output.length; k++, at++) output[k]! += values[at]!;
    return output;
  },
  pathBackward({ cell }, given, _output, gradient) {
    const rows = new Float64Array(gradient.length * GATE_COUNTS[cell]);
    for (let gate = 0; gate < GATE_COUNTS[cell]; gate++) rows.set(gradient, gate * gradient.length);
    return { inputs: given.inputs.map(() => rows), parameters: NO_GRADIENTS };
  },
};

const LABELS: Readonly<Record<Cell, string>> = { lstm: "LSTM", gru: "GRU", tanh: "RNN", relu: "RNN" };
