/**
 * What an experiment is: what it measures at each scale, and what it makes of the measurements. One file each in
 * `experiments/`, and a line in `registry.ts`.
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
  /** Of its table of results: letters, digits and `-`. */
  readonly name: string;
  readonly model: string;
  /** In the words of `phew compare --methods`: `phew`, `phew:bias=square`, `synflow+shuffle`. */
  readonly methods: readonly string[];
  /** Fractions of weights kept. */
  readonly densities: readonly number[];
  /** Seeds 0 … seedCount − 1. */
  readonly seedCount: number;
  /** How weights are drawn; the network's own way unless given. */
  readonly init?: string;
}

/** Networks to train: a sweep. Every configuration has the same seeds, so that methods are compared in pairs. */
export interface RunGrid {
  readonly name: string;
  readonly settings: Settings;
  readonly grid?: Readonly<Record<string, readonly unknown[]>>;
  readonly list?: readonly Settings[];
  readonly seedCount: number;
  /** The experiment whose grid of this name it is: its table and its runs are taken, and added to. */
  readonly of?: string;
}

/** What is neither a mask of a grid nor a run: a row for each key, by a function of the experiment's own. */
export interface Measurement<Row extends { readonly key: string } = { readonly key: string }> {
  /** Of its table of results: letters, digits and `-`. */
  readonly name: string;
  readonly shape: Shape<Row>;
  /** In the order of the table; no commas in them, or in any other text of a row. */
  readonly keys: readonly string[];
  readonly measure: (key: string, signal: AbortSignal) => Promise<Row>;
}

export interface Plan {
  readonly masks?: readonly MaskGrid[];
  readonly runs?: readonly RunGrid[];
  /** Done before the others. */
  readonly own?: readonly Measurement[];
}

/** What has been measured of each grid by now; an empty list of one that was left out. */
export interface Measured {
  readonly masks: (grid: string) => readonly MaskRow[];
  readonly runs: (grid: string) => readonly RunRow[];
  readonly own: <Row extends { readonly key: string }>(measurement: Measurement<Row>) => readonly Row[];
}

/** One comparison that a claim rests on; see statistics.ts. */
export interface Evidence {
  /** "lenet5 on glyphs, 5 %: phew − uniform-walk, test accuracy" */
  readonly what: string;
  readonly count: number;
  readonly mean: number;
  readonly interval: number;
  /** Before Holm's correction. */
  readonly p: number;
  readonly leastSeen: number;
  /** How its numbers are read: of percentages, of factors of ten, … */
  readonly unit: string;
  /** Which sign speaks for the claim. */
  readonly supports: "positive" | "negative";
}

/** A claim of the PHEW slides or of a rival, and what speaks for and against it. */
export interface Claim {
  readonly claim: string;
  readonly evidence: readonly Evidence[];
  /** In numbers that are no paired differences; the verdict of `given` is the experiment's own then. */
  readonly given?: { readonly verdict: Decision; readonly because: string };
}

export type Decision = "holds" | "holds in part" | "does not hold" | "not decided";

export interface Findings {
  readonly claims: readonly Claim[];
  readonly tables: readonly { readonly name: string; readonly title: string; readonly report: Report }[];
  readonly figures: readonly { readonly name: string; readonly title: string; readonly spec: ChartSpec }[];
  /** Pictures that are no charts. */
  readonly drawings?: readonly { readonly name: string; readonly title: string; readonly svg: string }[];
  /** What a reader must know: what differs from the paper, what was not run. */
  readonly notes: readonly string[];
}

export interface Experiment {
  readonly name: string;
  /** What it asks, in one line. */
  readonly question: string;
  /** @param datasets those whose files are at hand, `glyphs` always; a grid on another is left out */
  readonly plan: (scale: Scale, datasets: ReadonlySet<string>) => Plan;
  readonly analyse: (measured: Measured, scale: Scale) => Findings;
}
