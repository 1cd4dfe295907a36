/**
 * Where the greatest path kernel trace of a network with one hidden layer lies: exactly, for every number of hidden
 * units in use, where it is small, by a bound where it is large; and how near the masks of methods come.
 */
import {
  initialise,
  log10Of,
  type Masks,
  type Network,
  prune,
  type Weights,
  widePathKernelTrace,
} from "@phew/core";
import { type ChartSpec, methodColours, type Row } from "@phew/report";
import { grouped } from "@phew/runs";
import { spreadOf } from "@phew/runs/configurations";
import type { Claim, Evidence, Findings, Measurement } from "../experiment.ts";
import { claimOf, evidenceOf } from "../judge.ts";
import { perceptron } from "../perceptron.ts";
import { meanAndInterval } from "../tables.ts";
import { greatestTraces, hiddenLayer, leastWidthTrace, traceBound } from "./oneHiddenLayer.ts";

export interface HiddenLayerCase {
  /** Inputs, hidden units, outputs. */
  readonly sizes: readonly [number, number, number];
  readonly keepCounts: readonly number[];
  readonly seedCount: number;
  /** Too large for the exact search. */
  readonly isLarge?: boolean;
}

const METHODS = ["phew", "uniform-walk", "random", "magnitude", "synflow", "synflow-l2"];

export interface HiddenLayerRow {
  readonly key: string;
  /** `equal`: all weights are 1; `drawn`: Kaiming fan-in. */
  readonly weights: string;
  readonly sizes: string;
  readonly keep: number;
  readonly seed: number;
  /** Hidden units of the least width, and log10 of the trace of whole units there. */
  readonly leastWidth: number;
  readonly leastTrace: number;
  /** log10 of the greatest trace, or of its bound for large networks; log10 of the best known mask's trace; its width. */
  readonly best: number;
  readonly reached: number;
  readonly bestWidth: number;
  /** log10 of the greatest trace with 0, 1, … hidden units in use; empty for large networks. */
  readonly greatest: readonly number[];
  /** For each method, in the cases with drawn weights. */
  readonly traces: readonly number[];
  readonly widths: readonly number[];
}

export function hiddenLayerMeasurement(cases: readonly HiddenLayerCase[]): Measurement<HiddenLayerRow> {
  const keysOf = ({ sizes, keepCounts, seedCount }: HiddenLayerCase) =>
    keepCounts.flatMap((keep) => [
      `equal ${sizes.join("-")} ${keep} 0`,
      ...Array.from({ length: seedCount }, (_, seed) => `drawn ${sizes.join("-")} ${keep} ${seed}`),
    ]);
  return {
    name: "hidden-layer",
    shape: {
      ...{ key: "text", weights: "text", sizes: "text", keep: "number", seed: "number" },
      ...{ leastWidth: "number", leastTrace: "number", best: "number", reached: "number" },
      ...{ bestWidth: "number", greatest: "numbers", traces: "numbers", widths: "numbers" },
    },
    keys: cases.flatMap(keysOf),
    async measure(key, signal) {
      const own = cases.find((each) => keysOf(each).includes(key))!;
      const [weights, sizes, keep, seed] = key.split(" ") as [string, string, string, string];
      const known = { key, weights, sizes, keep: Number(keep), seed: Number(seed) };
      const network = perceptron(own.sizes);
      const drawn = await initialise(network, { seed: known.seed });
      const used =
        weights === "drawn" ? drawn : new Map([...drawn].map(([name, w]) => [name, w.map(() => 1)]));
      const masks = weights === "drawn" ? await methodMasks(network, used, known, signal) : [];
      return {
        ...known,
        ...searched(used, known.keep, own),
        traces: masks.map((mask) => log10Of(widePathKernelTrace(network, used, mask).total)),
        widths: masks.map(unitsInUse),
      };
    },
  };
}

function searched(weights: Weights, keep: number, { sizes, isLarge }: HiddenLayerCase) {
  const layer = hiddenLayer(weights.get("fc1.weight")!, weights.get("fc2.weight")!, sizes[1]);
  const least = leastWidthTrace(layer, keep);
  const leastFields = { leastWidth: least.width, leastTrace: Math.log10(least.trace) };
  if (isLarge) {
    const { bound, reached, width } = traceBound(layer, keep);
    const isLeast = least.trace >= reached;
    return {
      ...{ ...leastFields, best: Math.log10(bound), reached: Math.log10(Math.max(reached, least.trace)) },
      ...{ bestWidth: isLeast ? least.width : width, greatest: [] },
    };
  }
  const greatest = [...greatestTraces(layer, keep)].map(Math.log10);
  const best = Math.max(...greatest.filter((trace) => !Number.isNaN(trace)));
  return { ...leastFields, best, reached: best, bestWidth: greatest.indexOf(best), greatest };
}

async function methodMasks(
  network: Network,
  weights: Weights,
  { keep, seed }: { keep: number; seed: number },
  signal: AbortSignal,
): Promise<Masks[]> {
  const masks: Masks[] = [];
  for (const method of METHODS) {
    const density = keep / network.prunableCount;
    masks.push((await prune(network, weights, { method, density, seed, signal })).masks);
  }
  return masks;
}

/** Hidden units that a kept weight enters and a kept weight leaves. */
function unitsInUse(masks: Masks): number {
  const [first, second] = masks.network.prunable.map((parameter) => masks.of(parameter)) as [
    Uint8Array,
    Uint8Array,
  ];
  const [hidden, inputs] = masks.network.prunable[0]!.shape as [number, number];
  return Array.from({ length: hidden }, (_, h) => h).filter(
    (h) =>
      first.subarray(h * inputs, (h + 1) * inputs).includes(1) &&
      second.some((kept, k) => kept === 1 && k % hidden === h),
  ).length;
}

export function hiddenLayerFindings(
  rows: readonly HiddenLayerRow[],
): Pick<Findings, "tables" | "figures"> & { claims: Claim[] } {
  const cases = grouped(rows, caseOf);
  const drawn = cases.filter(([row]) => row!.weights === "drawn");
  const equal = cases.filter(([row]) => row!.weights === "equal");
  const shown = drawn.findLast(([row]) => row!.greatest.length > 0);
  return {
    claims: [
      leastWidthClaim("equal weights", equal),
      leastWidthClaim("weights drawn at random", drawn),
      synflowClaim(drawn),
      {
        claim: "In networks of one hidden layer PHEW uses more units than the mask of the greatest trace.",
        evidence: drawn.flatMap(widthEvidence),
      },
    ],
    tables: [
      {
        name: "hidden-layer",
        title: "Networks with one hidden layer: width and trace of the best mask and of the methods'",
        report: { columns: COLUMNS, rows: cases.map(caseRow) },
      },
    ],
    figures: shown === undefined ? [] : [greatestFigure(shown)],
  };
}

const caseOf = ({ sizes, keep, weights }: HiddenLayerRow) => `${sizes}, ${keep} weights, ${weights}`;
const mean = (values: readonly number[]) => spreadOf(values).mean!;

function leastWidthClaim(what: string, cases: readonly (readonly HiddenLayerRow[])[]): Claim {
  const claim = `In a network of one hidden layer with ${what} the greatest path kernel trace is at the least width.`;
  const findings = cases.map((own) => {
    const [best, least] = [mean(own.map((row) => row.bestWidth)), own[0]!.leastWidth];
    return { is: best === least, words: `${caseOf(own[0]!)}: ${best.toFixed(1)} units, least ${least}` };
  });
  return claimOf(claim, findings);
}

/** "Comes to" is 90 % of it. */
const NEAR = Math.log10(0.9);

function synflowClaim(cases: readonly (readonly HiddenLayerRow[])[]): Claim {
  const claim = "SynFlow-L2 comes to the greatest path kernel trace, in networks of one hidden layer.";
  const l2 = METHODS.indexOf("synflow-l2");
  const findings = cases.map((own) => {
    const below = mean(own.map((row) => row.traces[l2]! - row.best));
    return { is: below > NEAR, words: `${caseOf(own[0]!)}: ${(100 * 10 ** below).toFixed(0)} % of it` };
  });
  return claimOf(claim, findings);
}

function widthEvidence(own: readonly HiddenLayerRow[]): Evidence[] {
  const phew = METHODS.indexOf("phew");
  const [made, best] = [
    new Map(own.map(({ seed, widths }) => [seed, widths[phew]!])),
    new Map(own.map(({ seed, bestWidth }) => [seed, bestWidth])),
  ];
  const reading = { unit: "units", supports: "positive" } as const;
  return evidenceOf(`${caseOf(own[0]!)}: units in use, phew − greatest trace`, made, best, reading);
}

const COLUMNS = [
  { key: "case", title: "network" },
  { key: "seeds", title: "seeds" },
  { key: "least", title: "least width" },
  { key: "best", title: "width of the greatest trace" },
  { key: "whole", title: "trace at the least width, % of the greatest" },
  ...METHODS.flatMap((method) => [
    { key: `${method} width`, title: `${method}: width` },
    { key: `${method} trace`, title: "trace %" },
  ]),
];

function caseRow(own: readonly HiddenLayerRow[]): Row {
  const of = (value: (row: HiddenLayerRow) => number) =>
    meanAndInterval(own.map(value).filter(Number.isFinite));
  const share = (trace: number, { best }: HiddenLayerRow) => 100 * 10 ** (trace - best);
  const methods = own[0]!.traces.length === 0 ? [] : METHODS;
  return {
    ...{ case: caseOf(own[0]!), seeds: own.length, least: own[0]!.leastWidth },
    best: of((row) => row.bestWidth),
    whole: of((row) => share(row.leastTrace, row)),
    ...Object.fromEntries(
      methods.flatMap((method, k) => [
        [`${method} width`, of((row) => row.widths[k]!)],
        [`${method} trace`, of((row) => share(row.traces[k]!, row))],
      ]),
    ),
  };
}

/** Greatest trace for each number of hidden units, and the masks of methods below. */
function greatestFigure(own: readonly HiddenLayerRow[]): Findings["figures"][number] {
  const line = own[0]!.greatest.flatMap((_, units) => {
    const shares = own
      .map(({ greatest, best }) => 10 ** (greatest[units]! - best))
      .filter((share) => share > 0);
    return shares.length < own.length ? [] : [{ units, share: 100 * mean(shares) }];
  });
  const points = own.flatMap(({ traces, widths, best }) =>
    METHODS.map((method, k) => ({ method, units: widths[k]!, share: 100 * 10 ** (traces[k]! - best) })),
  );
  const x = {
    field: "units",
    type: "quantitative",
    title: "hidden units in use",
    axis: { format: "d", tickMinStep: 1 },
  };
  const y = { field: "share", type: "quantitative", title: "path kernel trace, % of the greatest" };
  const title = "Greatest path kernel trace for each width of a hidden layer";
  const spec = {
    title: {
      text: title,
      subtitle: [`${caseOf(own[0]!)}; the line is the greatest, mean over ${own.length} seeds`],
    },
    width: 640,
    height: 360,
    layer: [
      { data: { values: line }, mark: { type: "line", color: "#3b3b3b" }, encoding: { x, y } },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 45, opacity: 0.75 },
        encoding: {
          ...{ x, y },
          color: {
            field: "method",
            type: "nominal",
            scale: { domain: METHODS, range: methodColours(METHODS) },
          },
        },
      },
    ],
  } as ChartSpec;
  return { name: "hidden-layer", title, spec };
}
