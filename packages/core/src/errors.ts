import { shortened } from "./shortened.ts";

/** What is wrong with a value, in three parts that read as one sentence. */
export interface ArgumentFault {
  /** The value given, short. */
  readonly given: string;
  /** What is expected: meaning, range or shape. */
  readonly expected: string;
  /** What to do; a whole sentence. */
  readonly remedy?: string | undefined;
}

/**
 * A value from outside is not usable. `message` reads
 * `density: got 5, expected the fraction of weights kept, 0 < density ≤ 1. If you meant 5 %, pass 0.05.`
 */
export class ArgumentError extends Error {
  override readonly name: string = "ArgumentError";
  readonly subject: string;
  readonly fault: ArgumentFault;

  /**
   * Texts from files may be long: each is cut in its middle, see {@link shortened}.
   * @param subject the layer, file or option at fault, as the user knows it
   * @param cause the error that this one explains
   */
  constructor(subject: string, fault: ArgumentFault, cause?: unknown) {
    const short = {
      subject: shortened(subject, MOST_SUBJECT),
      given: shortened(fault.given, MOST_TEXT),
      expected: shortened(fault.expected, MOST_TEXT),
      remedy: fault.remedy === undefined ? undefined : shortened(fault.remedy, MOST_REMEDY),
    };
    super(
      `${short.subject}: got ${short.given}, expected ${short.expected}.${short.remedy ? ` ${short.remedy}` : ""}`,
      { cause },
    );
    this.subject = short.subject;
    this.fault = {
      given: short.given,
      expected: short.expected,
      remedy: short.remedy,
    };
  }
}

/** Shorter than the longest paths (4096 bytes on Linux), which are cut in their middle. */
const MOST_SUBJECT = 1000;
const MOST_TEXT = 3000;
/** Some remedies list many parts of a file, one per line. */
const MOST_REMEDY = 12_000;

/** The candidate nearest to `word` (edit distance at most a third of its length), for "did you mean". */
export function nearestName(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** @returns an error that names the nearest of the `known` names */
export function unknownName(subject: string, name: string, known: readonly string[]): ArgumentError {
  const nearest = nearestName(name, known);
  return new ArgumentError(subject, {
    given: `"${name}"`,
    expected: `one of ${known.join(", ")}`,
    remedy: nearest && `Did you mean "${nearest}"?`,
  });
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(
        row[j - 1]! + 1,
        previous[j]! + 1,
        previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    previous = row;
  }
  return previous[b.length]!;
}
