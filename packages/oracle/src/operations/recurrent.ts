/** Recurrent layers, one example, one step, one unit at a time, as PyTorch's documentation states them. */
import type { OracleOperation, Task } from "./operation.ts";

export interface Recurrent {
  readonly kind: "recurrent";
  readonly cell: "lstm" | "gru" | "tanh" | "relu";
  /** The state before each step, or the one after it. */
  readonly state: "before" | "own";
  readonly isReverse: boolean;
  readonly resetsState?: boolean | undefined;
  /** `[gates · units, units]`, and what is added. */
  readonly hiddenWeight: string;
  readonly hiddenBias?: string | undefined;
}

const GATES: Readonly<Record<Recurrent["cell"], number>> = { lstm: 4, gru: 3, tanh: 1, relu: 1 };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const recurrent: OracleOperation<Recurrent> = {
  shape: ({ cell }, [sums]) => [sums![0]! / GATES[cell], ...sums!.slice(1)],
  value: states,
  // gates are added; a step goes on as itself
  paths: ({ cell }, { inputShapes, shape, element, plane }) =>
    inputShapes.flatMap((_, slot) =>
      Array.from({ length: GATES[cell] }, (_gate, gate) => ({
        slot,
        element: gate * shape[0]! * plane + element,
        factor: 1,
      })),
    ),
  units: {
    on: (_, units, { shape }) => units.map(({ unit, feature }) => ({ unit: unit % shape[0]!, feature })),
    back: ({ cell }, unit, { inputShapes, shape }) =>
      inputShapes.flatMap((_, slot) =>
        Array.from({ length: GATES[cell] }, (_gate, gate) => [slot, gate * shape[0]! + unit] as const),
      ),
  },
};

function states(op: Recurrent, { inputs, shape, count, parameters }: Task): Float64Array {
  const [sums] = inputs as [Float64Array];
  const [units, , steps] = shape as [number, number, number];
  const rows = GATES[op.cell] * units;
  const weight = parameters.get(op.hiddenWeight)!;
  const bias = op.hiddenBias === undefined ? undefined : parameters.get(op.hiddenBias)!;
  const found = new Float64Array(count * units * steps);
  const all = Array.from({ length: units }, (_, u) => u);
  for (let n = 0; n < count; n++) {
    let state = { h: new Array<number>(units).fill(0), c: new Array<number>(units).fill(0) };
    for (let k = 0; k < steps; k++) {
      const t = op.isReverse ? steps - 1 - k : k;
      const { h } = state;
      const x: Sum = (gate, u) => sums[(n * rows + gate * units + u) * steps + t]!;
      const y: Sum = (gate, u, from = h) =>
        from.reduce(
          (sum, value, v) => sum + weight[(gate * units + u) * units + v]! * value,
          bias?.[gate * units + u] ?? 0,
        );
      const next = stepOf(op, all, x, y, state);
      for (const u of all) found[(n * units + u) * steps + t] = op.state === "before" ? h[u]! : next.h[u]!;
      state = next;
    }
  }
  return found;
}

/** What a layer gives for a gate of a unit. @param from the state, if it is another than that before the step */
type Sum = (gate: number, unit: number, from?: readonly number[]) => number;

interface State {
  readonly h: number[];
  readonly c: number[];
}

function stepOf(op: Recurrent, units: readonly number[], x: Sum, y: Sum, { h, c }: State): State {
  const gate = (k: number, u: number) => sigmoid(x(k, u) + y(k, u));
  switch (op.cell) {
    case "lstm": {
      const cells = units.map((u) => gate(1, u) * c[u]! + gate(0, u) * Math.tanh(x(2, u) + y(2, u)));
      return { h: units.map((u) => gate(3, u) * Math.tanh(cells[u]!)), c: cells };
    }
    case "gru": {
      const left = units.map((u) => gate(0, u) * h[u]!);
      const news = units.map((u) =>
        Math.tanh(x(2, u) + (op.resetsState ? y(2, u, left) : gate(0, u) * y(2, u))),
      );
      return { h: units.map((u) => (1 - gate(1, u)) * news[u]! + gate(1, u) * h[u]!), c };
    }
    case "tanh":
      return { h: units.map((u) => Math.tanh(x(0, u) + y(0, u))), c };
    case "relu":
      return { h: units.map((u) => Math.max(0, x(0, u) + y(0, u))), c };
  }
}
