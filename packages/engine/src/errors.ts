/** What is wrong with a value, in three parts that read as one sentence; the same as core's `ArgumentFault`. */
export interface EngineFault {
  /** The value given, short. */
  readonly given: string;
  /** What is expected: meaning, range or shape. */
  readonly expected: string;
  /** What to do; a whole sentence. */
  readonly remedy?: string;
}

/**
 * A value given to the engine is not usable. The engine depends on no other package, so it has its own class, with
 * the fields of core's `ArgumentError`.
 */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
  /** The layer, link or option at fault. */
  readonly subject: string;
  readonly fault: EngineFault;

  /** @param cause the error that this one explains */
  constructor(subject: string, fault: EngineFault, cause?: unknown) {
    super(
      `${subject}: got ${fault.given}, expected ${fault.expected}.${fault.remedy ? ` ${fault.remedy}` : ""}`,
      { cause },
    );
    this.subject = subject;
    this.fault = fault;
  }
}

/** @throws EngineError unless `value` is a whole number from `least` to `most` */
export function requireWhole(subject: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new EngineError(subject, {
      given: `${value}`,
      expected: `a whole number from ${least} to ${most}`,
    });
  }
}

/** @throws EngineError unless `value` is a finite number */
export function requireFinite(subject: string, value: number): void {
  if (!Number.isFinite(value)) {
    throw new EngineError(subject, { given: `${value}`, expected: "a finite number" });
  }
}
