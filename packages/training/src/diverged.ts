/** Training that has left the finite numbers. */

/** Thrown by an executor's step: the gradient of a parameter is infinite or not a number. The step changed nothing. */
export class GradientError extends Error {
  override readonly name: string = "GradientError";
  /** Name of the first such parameter. */
  readonly parameter: string;

  constructor(parameter: string) {
    super(`the gradient of "${parameter}" is no longer finite`);
    this.parameter = parameter;
  }
}

/** Thrown by the loop: the loss, or a gradient, is infinite or not a number. The weights are those before that step. */
export class DivergedError extends Error {
  override readonly name: string = "DivergedError";
  /** 1-based; the step is counted over the whole training. */
  readonly epoch: number;
  readonly step: number;
  /** The first layer whose values were not finite, if the executor reports it. */
  readonly layer: string | undefined;

  /** @param what became of the training, such as `the loss is NaN` */
  constructor(epoch: number, step: number, what: string, layer?: string) {
    const where = layer === undefined ? "" : `; "${layer}" is the first layer whose values are not finite`;
    super(
      `Training diverged in epoch ${epoch}, step ${step}: ${what}${where}. Lower the learning rate, or start from other weights.`,
    );
    this.epoch = epoch;
    this.step = step;
    this.layer = layer;
  }
}
