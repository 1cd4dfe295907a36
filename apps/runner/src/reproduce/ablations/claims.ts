/** What is claimed of PHEW's walks and masks, and what may explain how far it is ahead of or behind others. */
import { formatPercent } from "@phew/core";
import type { Claim, Evidence, Measured, Scale } from "../experiment.ts";
import { bySeed, evidenceOf } from "../judge.ts";
import { type BySeed, meanBySeed, minus } from "../statistics.ts";
import {
  baseGrids,
  densitiesOf,
  gridName,
  hardDensity,
  maskGrids,
  NORMALISED_GRID,
  type Situation,
  situations,
} from "./grids.ts";

const FOR = { unit: "points", supports: "positive" } as const;
const AGAINST = { unit: "points", supports: "negative" } as const;

/** Percent of the test examples. */
export function accuracyIn({ grid, check, density }: Situation, method: string, measured: Measured): BySeed {
  return bySeed(measured.runs(grid), `${method}${check}`, density, (row) => 100 * row.accuracy);
}

/** The lead of a method over another in each situation. */
export function leadClaims(measured: Measured, scale: Scale): Claim[] {
  const all = situations(scale);
  const plain = (one: Situation): Situation => ({ ...one, grid: one.base, check: "" });
  const of = (kind: Situation["kind"], test = (_: Situation) => true) =>
    all.filter((one) => one.kind === kind && test(one));
  const accuracy = (one: Situation, method: string) => accuracyIn(one, method, measured);
  const lead = (one: Situation, a: string, b: string) => minus(accuracy(one, a), accuracy(one, b));
  const shrinks = (chosen: readonly Situation[], a: string, b: string) =>
    chosen.flatMap((one) =>
      evidenceOf(`${a} − ${b}, as it was less ${one.what}`, lead(plain(one), a, b), lead(one, a, b), FOR),
    );
  const ahead = (chosen: readonly Situation[], a: string, b: string) =>
    chosen.flatMap((one) => evidenceOf(`${one.what}: ${a} − ${b}`, accuracy(one, a), accuracy(one, b), FOR));
  const gains = (chosen: readonly Situation[], method: string) =>
    chosen.flatMap((one) =>
      evidenceOf(
        `${one.base}: ${method}${one.check} − ${method}`,
        ...([accuracy(one, method), accuracy(plain(one), method), FOR] as const),
      ),
    );
  const normalised = of("normalised", ({ check }) => check === "");
  const rated = all.filter(({ rate }) => rate !== undefined);
  const plainRates = rated.filter(({ check }) => check === "");
  const sizedRates = rated.filter(({ check }) => check !== "");
  return [
    {
      claim: "Weights drawn for their kept fan-in make PHEW's networks more accurate.",
      evidence: gains(of("sized"), "phew"),
    },
    {
      claim: "Weights drawn for their kept fan-in make networks of walks without bias more accurate.",
      evidence: gains(of("sized"), "uniform-walk"),
    },
    {
      claim: "Weights drawn for their kept fan-in make SynFlow's networks more accurate.",
      evidence: gains(of("sized"), "synflow"),
    },
    {
      claim:
        "The bias of PHEW's walks helps by the size of the signal: its lead over walks without bias shrinks with weights drawn for their kept fan-in.",
      evidence: shrinks(of("sized"), "phew", "uniform-walk"),
    },
    {
      claim:
        "SynFlow's lead over PHEW is one of signal size: it shrinks with weights drawn for their kept fan-in.",
      evidence: shrinks(of("sized"), "synflow", "phew"),
    },
    {
      claim: "SynFlow's lead over PHEW is one of the learning rate: it shrinks at a higher one.",
      evidence: shrinks(
        plainRates.filter(({ rate = 0 }) => rate > all[0].rate!),
        ...(["synflow", "phew"] as const),
      ),
    },
    {
      claim: "With the best learning rate for each, SynFlow is still more accurate than PHEW.",
      evidence: bestOfEach(plainRates, measured, "synflow", "phew"),
    },
    {
      claim: "With the best learning rate for each, PHEW is more accurate than walks without bias.",
      evidence: bestOfEach(plainRates, measured, "phew", "uniform-walk"),
    },
    {
      claim:
        "With weights drawn for their kept fan-in and the best learning rate for each, SynFlow is still more accurate than PHEW.",
      evidence: bestOfEach(sizedRates, measured, "synflow", "phew"),
    },
    {
      claim: "SynFlow's lead over PHEW is one of time: it shrinks with longer training.",
      evidence: shrinks(
        of("time", ({ check }) => check === ""),
        ...(["synflow", "phew"] as const),
      ),
    },
    {
      claim: "With batch normalisation, PHEW is more accurate than SynFlow.",
      evidence: ahead(normalised, "phew", "synflow"),
    },
    {
      claim: "With batch normalisation, the bias of the walks makes PHEW more accurate.",
      evidence: ahead(normalised, "phew", "uniform-walk"),
    },
  ];
}

/** Each at the rate of its greatest mean, among those that both were trained at; nothing unless there are two. */
function bestOfEach(rates: readonly Situation[], measured: Measured, a: string, b: string): Evidence[] {
  const of = (method: string) => (one: Situation) => accuracyIn(one, method, measured);
  const both = rates.filter((one) => minus(of(a)(one), of(b)(one)).size > 1);
  if (both.length < 2) return [];
  const best = (method: string) =>
    both.reduce((most, one) => (meanBySeed(of(method)(one)) > meanBySeed(of(method)(most)) ? one : most));
  const [ofA, ofB] = [best(a), best(b)];
  const words = ({ check, rate }: Situation) => `${check} at ${rate}`;
  return evidenceOf(`${a}${words(ofA)} − ${b}${words(ofB)}`, of(a)(ofA), of(b)(ofB), FOR);
}

/** Other walks, shuffled masks and newly drawn weights, each compared with PHEW. */
export function walkClaims(measured: Measured, scale: Scale): Claim[] {
  const accuracy = (grid: string, method: string, density: number) =>
    bySeed(measured.runs(grid), method, density, (row) => 100 * row.accuracy);
  const compared = (
    other: string,
    from: string,
    at: readonly number[],
    reading: typeof FOR | typeof AGAINST = FOR,
  ) =>
    baseGrids(scale).flatMap((base) =>
      at.flatMap((density) => {
        const own = accuracy(base.name, "phew", density);
        const others = accuracy(gridName(base, from), other, density);
        return evidenceOf(`${base.name}, ${formatPercent(density)}: phew − ${other}`, own, others, reading);
      }),
    );
  const [all, hard] = [densitiesOf(scale), [hardDensity(scale)]];
  const resnet = (method: string) => accuracy(NORMALISED_GRID, method, 0.02);
  return [
    {
      claim: "Walks towards large weights make a network more accurate than walks towards small ones.",
      evidence: compared("phew:bias=inverse", "variants", all),
    },
    {
      claim: "A stronger bias, by the square of the weights, makes PHEW more accurate.",
      evidence: compared("phew:bias=square", "variants", all, AGAINST),
    },
    {
      claim: "Keeping single weights is better than keeping kernels.",
      evidence: compared("phew:granularity=kernel", "variants", all),
    },
    {
      claim: "Walks from both ends are better than from one.",
      evidence: ["forward", "backward"].flatMap((end) => compared(`phew:direction=${end}`, "variants", all)),
    },
    {
      claim: "PHEW's masks are more than their layer densities.",
      evidence: [
        ...compared("phew+shuffle", "checks", hard),
        ...evidenceOf("resnet20, 2 %: phew − phew+shuffle", resnet("phew"), resnet("phew+shuffle"), FOR),
      ],
    },
    {
      claim: "PHEW's masks suit the weights that they were made for.",
      evidence: compared("phew+reinitialise", "checks", hard),
    },
  ];
}

/** Claims about the path kernel trace. */
export function maskClaims(measured: Measured, scale: Scale): Claim[] {
  const compared = (a: string, b: string): Evidence[] =>
    maskGrids(scale).flatMap(({ name, densities }) =>
      densities.flatMap((density) => {
        const of = (method: string) => bySeed(measured.masks(name), method, density, (row) => row.logTrace);
        const what = `${name}, ${formatPercent(density)}: ${a} − ${b}, log10 of the trace`;
        return evidenceOf(what, of(a), of(b), { unit: "powers of ten", supports: "positive" });
      }),
    );
  return [
    {
      claim: "The more walks lean towards large weights, the greater the path kernel trace.",
      evidence: [
        ...compared("uniform-walk", "phew:bias=inverse"),
        ...compared("phew", "uniform-walk"),
        ...compared("phew:bias=square", "phew"),
      ],
    },
    {
      claim: "PHEW's path kernel trace is greater than that of random masks with its layer densities.",
      evidence: compared("phew", "phew+shuffle"),
    },
    {
      claim: "Branching in proportion to weights gives a greater path kernel trace.",
      // without forks the masks are the same
      evidence: compared("phew:branching=weight", "phew").filter(
        ({ mean, interval }) => mean !== 0 || interval !== 0,
      ),
    },
  ];
}
