/**
 * The tangents of a pass, in its program: the derivative of every value and every gradient along a direction of the
 * parameters. An operation that is linear in its inputs is lowered for tangents as for values.
 */
import type { Direction } from "../plan/direction.ts";
import { NormTangent } from "../plan/normTangent.ts";
import { Pass, type PassOptions } from "./pass.ts";

export class TangentPass extends Pass {
  readonly direction: Direction;
  /** By node. */
  readonly norms: ReadonlyMap<number, NormTangent>;
  readonly #primal: Pass;

  /** @param options those of `primal`, including frames: tangents have tensors like those of their values */
  constructor(primal: Pass, direction: Direction, options: PassOptions) {
    super({ ...options, draft: primal.draft });
    this.#primal = primal;
    this.direction = direction;
    const { norms, blocks } = options.plan;
    this.norms = new Map([...norms].map(([node, norm]) => [node, new NormTangent(norm, direction, blocks)]));
  }

  override get primal(): Pass {
    return this.#primal;
  }

  /** The tangent of a node's value is 0, whatever the direction: nothing before it is trained. */
  writeZeros(index: number): void {
    this.writeAnew(index, () => {
      const label = this.label(index, "other");
      const tensor = this.newTensor(index);
      this.draft.emit("clearTensor", label, { tensor });
      this.clearBorder(tensor, label);
      return tensor;
    });
  }
}
