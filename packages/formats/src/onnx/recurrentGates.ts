/**
 * Where ONNX stores the gates of recurrent layers. W is `[directions, gates · hidden, inputs]`, R `[directions, gates ·
 * hidden, hidden]`, with gates i, o, f, c of LSTM and z, r, h of GRU; PyTorch has a weight `[gates · hidden, …]` for each
 * direction, with gates i, f, g, o and r, z, n.
 */
import type { NodePart } from "./parts.ts";

/** Gate in PyTorch's order → its number in ONNX's. */
const GATES: Readonly<Record<string, readonly number[]>> = { LSTM: [0, 2, 3, 1], GRU: [1, 0, 2], RNN: [0] };

export function isRecurrent({ opType = "" }: NodePart): boolean {
  return Object.hasOwn(GATES, opType);
}

export interface StoredGates {
  /** Of one direction, as PyTorch has it. */
  readonly shape: readonly [number, number];
  /** For each direction: index of the stored element that is element k. */
  readonly placesOf: readonly ((k: number) => number)[];
}

/** @returns undefined for what is no weight of a recurrent layer */
export function gatesOf(node: NodePart, input: number, dims: readonly number[]): StoredGates | undefined {
  const { opType = "" } = node;
  const order = Object.hasOwn(GATES, opType) ? GATES[opType]! : undefined;
  const [directions, rows, columns] = dims as [number, number, number];
  if (order === undefined || (input !== 1 && input !== 2) || dims.length !== 3) return undefined;
  if (directions > 2 || rows % order.length !== 0) return undefined;
  const hidden = rows / order.length;
  const placeIn = (direction: number) => (k: number) => {
    const row = Math.floor(k / columns);
    const stored = order[Math.floor(row / hidden)]! * hidden + (row % hidden);
    return (direction * rows + stored) * columns + (k % columns);
  };
  return { shape: [rows, columns], placesOf: Array.from({ length: directions }, (_, d) => placeIn(d)) };
}
