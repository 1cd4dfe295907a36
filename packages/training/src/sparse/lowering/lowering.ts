/** What the files of operations and the passes agree on. */
import type { Operation } from "@phew/core";
import type { Pass } from "../pass.ts";
import type { TangentPass } from "../tangentPass.ts";

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

/** How one operation becomes instructions. */
export interface Lowering<Op> {
  /** Writes what computes the value of node `index`. */
  forward(pass: Pass, index: number, op: Op): void;
  /** Writes what passes the gradient of its value on, to its inputs and its parameters. */
  backward(pass: Pass, index: number, op: Op): void;
  /** How its tangents do, where that is not the same: absent for operations that are linear in what they read. */
  readonly tangent?: {
    /** Comes behind `forward` of the values. */
    forward?(pass: TangentPass, index: number, op: Op): void;
    /** Comes before `backward` of the values, which may change the gradient. */
    backward?(pass: TangentPass, index: number, op: Op): void;
  };
}
