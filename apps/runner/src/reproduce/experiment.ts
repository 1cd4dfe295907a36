/**
 * The definition of an experiment: what it measures at each scale, and its tables, figures and claims. Each experiment is
 * a file in `experiments/` and a line in `registry.ts`.
 */
import type { ChartSpec, Report } from "@phew/report";
import type { Settings } from "@phew/runs/sweeps";
import type { MaskRow, RunRow, Shape } from "./results.ts";

/**
 *   smoke    a few minutes for all experiments together on 2 cores, on embedded data: shows that everything works
 *   laptop   an hour or two an experiment on 2 cores
 *   paper    the full recipe, for a cluster
 */
export const SCALES = ["smoke", "laptop", "paper"] as const;
export type Scale = (typeof SCALES)[number];

/** Masks to make and to measure: each method at each density with each seed. */
export interface MaskGrid {
  /** Name of its table of results: letters, digits and `-`. */
  readonly name: string;
  readonly model: string;
  /** As in `phew compare --methods`: `phew`, `phew:bias=square`, `synflow+shuffle`. */
  readonly methods: readonly string[];
  /** Fractions of weights kept. */
  readonly densities: readonly number[];
  /** Seeds 0 … seedCount − 1. */
  readonly seedCount: number;
  /** Initialisation of the weights; default: the network's own. */
  readonly init?: string;
}

/** Networks to train: a sweep. Every configuration has the same seeds, so that methods are compared in pairs. */
export interface RunGrid {
  readonly name: string;
  readonly settings: Settings;
  readonly grid?: Readonly<Record<string, readonly unknown[]>>;
  /** An entry with a `seed` is run with that one alone. */
  readonly list?: readonly Settings[];
  readonly seedCount: number;
  /** The experiment to which the grid of this name belongs: its table and its runs are used and extended. */
  readonly of?: string;
  /** Of the grid of another experiment, the runs that this one needs: each setting has one of the values. */
  readonly only?: Readonly<Record<string, readonly unknown[]>>;
}

/** Measurements other than masks and runs: a row for each key, by the experiment's own function. */
export interface Measurement<Row extends { readonly key: string } = { readonly key: string }> {
  /** Name of its table of results: letters, digits and `-`. */
  readonly name: string;
  readonly shape: Shape<Row>;
  /** In the order of the table; texts of a row contain no commas. */
  readonly keys: readonly string[];
  readonly measure: (key: string, signal: AbortSignal) => Promise<Row>;
}

export interface Plan {
  readonly masks?: readonly MaskGrid[];
  readonly runs?: readonly RunGrid[];
  /** Measured before the others. */
  readonly own?: readonly Measurement[];
}

/** The rows measured so far of each grid; an empty list for a grid that was left out. */
export interface Measured {
  readonly masks: (grid: string) => readonly MaskRow[];
  readonly runs: (grid: string) => readonly RunRow[];
  readonly own: <Row extends { readonly key: string }>(measurement: Measurement<Row>) => readonly Row[];
}

/** One comparison as evidence for a claim; see statistics.ts. */
export interface Evidence {
  /** "lenet5 on glyphs, 5 %: phew − uniform-walk, test accuracy" */
  readonly what: string;
  readonly count: number;
  readonly mean: number;
  readonly interval: number;
  /** Before Holm's correction. */
  readonly p: number;
  readonly leastSeen: number;
  /** How its numbers are written: as percentages, as powers of ten, … */
  readonly unit: string;
  /** The sign that supports the claim. */
  readonly supports: "positive" | "negative";
}

/** A claim of the PHEW slides or of another publication, and the evidence. */
export interface Claim {
  readonly claim: string;
  readonly evidence: readonly Evidence[];
  /** Evidence that is not a paired difference; the experiment itself gives the verdict then. */
  readonly given?: { readonly verdict: Decision; readonly because: string };
}

export type Decision = "holds" | "holds in part" | "does not hold" | "not decided";

export interface Findings {
  readonly claims: readonly Claim[];
  readonly tables: readonly { readonly name: string; readonly title: string; readonly report: Report }[];
  readonly figures: readonly { readonly name: string; readonly title: string; readonly spec: ChartSpec }[];
  /** Pictures other than charts. */
  readonly drawings?: readonly { readonly name: string; readonly title: string; readonly svg: string }[];
  /** Notes for the reader: differences from the paper, and what was not run. */
  readonly notes: readonly string[];
}

export interface Experiment {
  readonly name: string;
  /** Its question, in one line. */
  readonly question: string;
  /** @param datasets those whose files are available, always with `glyphs`; grids on others are left out */
  readonly plan: (scale: Scale, datasets: ReadonlySet<string>) => Plan;
  /** Runs that follow from what those of the plan gave: they are trained after these. */
  readonly following?: (
    measured: Measured,
    scale: Scale,
    datasets: ReadonlySet<string>,
  ) => readonly RunGrid[];
  readonly analyse: (measured: Measured, scale: Scale) => Findings;
}
