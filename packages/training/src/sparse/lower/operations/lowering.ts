/** The interface between the files of operations and the passes. */
import type { Operation } from "@phew/core";
import type { Region } from "../../plan/region.ts";
import type { Pass } from "../pass.ts";
import type { TangentPass } from "../tangentPass.ts";
import type { PlannedTensor } from "../tensor.ts";

export type OperationOf<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

/** Writes instructions for node `index`. */
type Step<Op, P extends Pass> = (pass: P, index: number, op: Op) => void;

/** Weights of one layer, kept or not, by which a gradient is wanted; see absentPass.ts. */
export interface ChosenCall {
  readonly input: PlannedTensor;
  readonly outputGradient: PlannedTensor;
  /** {u32, f32} of each weight, by input unit. */
  readonly entries: Region;
  /** Where those of an input unit are. */
  readonly places: Region;
  /** f32[shards][weights] */
  readonly weightGradient: Region;
  readonly shardBytes: number;
}

/** How one operation becomes instructions. */
export interface Lowering<Op> {
  /**
   * True if its value is in a tensor of its own that its backward pass does not read: its reader may overwrite it.
   */
  readonly overwritable: boolean;
  /** Writes what computes the value of node `index`. */
  readonly forward: Step<Op, Pass>;
  /** Writes what passes the gradient of its value on, to its inputs and its parameters. */
  readonly backward: Step<Op, Pass>;
  /** Of an operation with prunable weights: writes the sums of the gradient by chosen weights alone. */
  readonly chosen?: (pass: Pass, index: number, op: Op, call: ChosenCall) => void;
  /** The same for tangents. `linear`: tangents go as values and gradients do. */
  readonly tangent:
    | "linear"
    | Tangent<Op>
    | { readonly forward: Step<Op, TangentPass>; readonly backward: "linear" };
}

/** Of an operation that is not linear both ways. */
export interface Tangent<Op> {
  /** Comes behind `forward` of the values. */
  readonly forward: Step<Op, TangentPass>;
  /** Comes before `backward` of the values, which may change the gradient. */
  readonly backward: Step<Op, TangentPass>;
}
