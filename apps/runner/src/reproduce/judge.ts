/**
 * A verdict for each claim, from its paired differences, with Holm's correction over all differences of the experiment.
 * A difference with a corrected p below 0.05 is evidence for or against the claim, by its sign:
 *   holds: all differences are for it;   holds in part: some are for it, none against;
 *   does not hold: some are against it and none for it;   not decided: none is either, or some are for and some against
 */
import { counted } from "@phew/runs";
import type { Claim, Decision, Evidence, Findings } from "./experiment.ts";
import { type BySeed, holm, pairedDifference } from "./statistics.ts";

export interface JudgedEvidence extends Evidence {
  /** After Holm's correction. */
  readonly corrected: number;
  readonly speaks: "for" | "against" | "neither";
}

export interface Verdict {
  readonly claim: string;
  readonly decision: Decision;
  readonly because: string;
  readonly evidence: readonly JudgedEvidence[];
}

const LEVEL = 0.05;

export function judge({ claims }: Pick<Findings, "claims">): Verdict[] {
  const corrected = holm(claims.flatMap(({ evidence }) => evidence.map(({ p }) => p)));
  let next = 0;
  return claims.map(({ claim, evidence, given }) => {
    const judged = evidence.map((one): JudgedEvidence => {
      const p = corrected[next++]!;
      const isFor = one.mean > 0 === (one.supports === "positive");
      return { ...one, corrected: p, speaks: p >= LEVEL ? "neither" : isFor ? "for" : "against" };
    });
    if (given) return { claim, decision: given.verdict, because: given.because, evidence: judged };
    return { claim, decision: decide(judged), because: reasons(judged), evidence: judged };
  });
}

function decide(evidence: readonly JudgedEvidence[]): Decision {
  const count = (side: JudgedEvidence["speaks"]) => evidence.filter(({ speaks }) => speaks === side).length;
  const [pro, contra] = [count("for"), count("against")];
  if (evidence.length === 0) return "not decided";
  if (pro === evidence.length) return "holds";
  if (contra > 0) return pro === 0 ? "does not hold" : "not decided";
  return pro > 0 ? "holds in part" : "not decided";
}

function reasons(evidence: readonly JudgedEvidence[]): string {
  if (evidence.length === 0) return "nothing was measured that decides it";
  const count = (side: JudgedEvidence["speaks"]) => evidence.filter(({ speaks }) => speaks === side).length;
  const sides = `${count("for")} of ${counted(evidence.length, "comparison")} for it, ${count("against")} against`;
  const units = [...new Set(evidence.map(({ unit }) => unit))];
  return [sides, ...units.map((unit) => rangeOf(evidence.filter((one) => one.unit === unit)))].join("; ");
}

/** "difference from −3.9 to +8.1 points" */
function rangeOf(evidence: readonly JudgedEvidence[]): string {
  const means = evidence.map(({ mean }) => mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const range = low === high ? signed(low) : `from ${signed(low)} to ${signed(high)}`;
  return `difference ${range} ${evidence[0]!.unit}`;
}

const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toPrecision(3)}`;

/** "glyphs, 5 %: phew − random, test accuracy: +3.1 ± 0.8 points over 10 seeds (p 0.0002)" */
export function describe({
  what,
  mean,
  interval,
  unit,
  count,
  corrected,
  leastSeen,
}: JudgedEvidence): string {
  const size = (value: number) => (Number.isFinite(value) ? value.toPrecision(3) : "?");
  const seen =
    corrected < LEVEL ? "" : `; with so many seeds differences under ${size(leastSeen)} cannot be seen`;
  const p = corrected < 0.0001 ? "p < 0.0001" : `p ${corrected.toPrecision(2)}`;
  return `${what}: ${signed(mean)} ± ${size(interval)} ${unit} over ${counted(count, "seed")} (${p}${seen})`;
}

/** A claim decided by numbers other than paired differences: whether it is true in each case, and in which words. */
export function claimOf(
  claim: string,
  cases: readonly { readonly is: boolean; readonly words: string }[],
): Claim {
  if (cases.length === 0) return { claim, evidence: [] };
  const count = cases.filter(({ is }) => is).length;
  const verdict = count === cases.length ? "holds" : count > 0 ? "holds in part" : "does not hold";
  return { claim, evidence: [], given: { verdict, because: cases.map(({ words }) => words).join("; ") } };
}

/** The finite numbers of a method's rows at a density, by seed. */
export function bySeed<
  Row extends { readonly method: string; readonly density: number; readonly seed: number },
>(rows: readonly Row[], method: string, density: number, value: (row: Row) => number): BySeed {
  const own = rows.filter((row) => row.method === method && row.density === density);
  return new Map(
    own.map((row) => [row.seed, value(row)] as const).filter(([, number]) => Number.isFinite(number)),
  );
}

/** The paired difference of two methods as evidence; none if they have no seed in common. */
export function evidenceOf(
  what: string,
  a: BySeed,
  b: BySeed,
  reading: Pick<Evidence, "unit" | "supports">,
): Evidence[] {
  const difference = pairedDifference(a, b);
  return difference === undefined ? [] : [{ what, ...difference, ...reading }];
}
