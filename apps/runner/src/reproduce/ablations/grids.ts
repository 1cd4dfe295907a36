/** What the ablations measure at each scale, and the situations that methods are compared in. */
import type { MaskGrid, RunGrid, Scale } from "../experiment.ts";
import { GRIDS } from "../experiments/accuracy.ts";
import { settingsOf } from "../maskWords.ts";

/** Walks that differ from PHEW's; those of PHEW and those without bias are in the grid of `accuracy`. */
const VARIANTS = [
  ...["phew:bias=inverse", "phew:bias=square", "phew:granularity=kernel"],
  ...["phew:direction=forward", "phew:direction=backward"],
];
/** Weights drawn anew at the size that their kept fan-in asks for. */
const SIZED = ["+reinitialise:fanIn=unit", "+reinitialise:fanIn=layer"];
/** The weights that there are, multiplied: those of a mask that prefers large ones become larger than any draw. */
const SCALED = ["+rescale", "+rescale:over=layer"];
const CHECKS = [...SIZED, ...SCALED, "+shuffle", "+reinitialise"];
/** Those that are repeated on other data. */
const REPEATED = [SIZED[0]!, "+shuffle", "+reinitialise"];
const COMPARED = ["phew", "uniform-walk", "synflow"];
const NORMALISED = [
  "phew",
  "uniform-walk",
  "erk",
  "synflow",
  "synflow-l2",
  "phew+shuffle",
  "synflow+shuffle",
];

interface Size {
  readonly maskModels: readonly string[];
  readonly maskDensities: readonly number[];
  readonly maskSeedCount: number;
  readonly seedCount: number;
  /** Densities of the variants. */
  readonly densities: readonly number[];
  /** The density of checks, rates and long training; methods differ there. */
  readonly density: number;
  readonly checked: readonly string[];
  readonly checks: readonly string[];
  /** Learning rates in addition to that of the grid of `accuracy`. */
  readonly rates: readonly number[];
  /** Learning rate of the grid of `accuracy`. */
  readonly baseRate: number;
  /** Epochs of longer training. */
  readonly longEpochs?: number;
  /** Of ResNet-20 on glyphs, which has batch normalisation. */
  readonly normalised?: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  smoke: {
    ...{ maskModels: ["lenet5"], maskDensities: [0.05], maskSeedCount: 3, seedCount: 3 },
    ...{ densities: [0.05], density: 0.05, checked: ["phew", "uniform-walk"] },
    ...{ checks: ["+reinitialise:fanIn=unit", "+shuffle"], rates: [], baseRate: 0.02 },
  },
  laptop: {
    ...{ maskModels: ["lenet5", "resnet20"], maskDensities: [0.1, 0.05, 0.02], maskSeedCount: 5 },
    ...{ seedCount: 10, densities: [0.05, 0.02], density: 0.02, checked: COMPARED },
    ...{ checks: CHECKS, rates: [0.005, 0.01, 0.05, 0.1], baseRate: 0.02, longEpochs: 30, normalised: 10 },
  },
  paper: {
    ...{ maskModels: ["resnet20", "vgg19-bn"], maskDensities: [0.1, 0.05, 0.02], maskSeedCount: 10 },
    ...{ seedCount: 5, densities: [0.1, 0.05, 0.02], density: 0.02, checked: [...COMPARED, "erk"] },
    ...{ checks: CHECKS, rates: [0.02, 0.05, 0.2], baseRate: 0.1, longEpochs: 320 },
  },
};

export const densitiesOf = (scale: Scale) => SIZES[scale].densities;
export const hardDensity = (scale: Scale) => SIZES[scale].density;

/**
 * Grids of `accuracy` that are taken apart: the first, and those of its network on other data, where variants and a part of
 * the checks are repeated.
 */
export function baseGrids(scale: Scale): [RunGrid, ...RunGrid[]] {
  const [first, ...others] = GRIDS[scale] as readonly [RunGrid, ...RunGrid[]];
  const base = (grid: RunGrid): RunGrid => ({ ...grid, of: "accuracy" });
  const sameNetwork = others.filter(({ settings }) => settings.model === first.settings.model);
  return [base(first), ...sameNetwork.map(base)];
}

/** Names of the grids of one kind, as `runGrids` and `situations` call them. */
export const gridName = (base: { readonly name: string }, what: string) => `${base.name}-${what}`;
export const NORMALISED_GRID = "glyphs-resnet20";

export function maskGrids(scale: Scale): MaskGrid[] {
  const { maskModels, maskDensities: densities, maskSeedCount: seedCount } = SIZES[scale];
  const methods = ["phew", "uniform-walk", ...VARIANTS, "phew:branching=weight", "phew+shuffle"];
  return maskModels.map((model) => ({ name: model, model, methods, densities, seedCount }));
}

export function runGrids(scale: Scale): RunGrid[] {
  const { seedCount, densities, density, checked, checks, rates, longEpochs, normalised } = SIZES[scale];
  const [first, ...repeated] = baseGrids(scale);
  const grid = (
    base: RunGrid,
    what: string,
    words: readonly string[],
    changed: object = {},
    at: readonly number[] = [density],
  ): RunGrid => ({
    name: gridName(base, what),
    settings: { ...base.settings, ...changed },
    list: at.flatMap((each) => words.map((word) => ({ ...settingsOf(word), density: each }))),
    seedCount,
  });
  const all = (methods: readonly string[], suffixes: readonly string[]) =>
    methods.flatMap((method) => suffixes.map((suffix) => `${method}${suffix}`));
  const own = all(COMPARED, ["", SIZED[0]!]);
  return [
    first,
    grid(first, "checks", all(checked, checks)),
    ...rates.map((rate) => grid(first, `rate-${rate}`, own, { rate })),
    ...(longEpochs ? [grid(first, "long", own, { epochs: longEpochs })] : []),
    grid(first, "variants", VARIANTS, {}, densities),
    ...(normalised ? [normalisedGrid(normalised)] : []),
    ...repeated.flatMap((base) => [
      base,
      grid(base, "checks", all(checked, REPEATED)),
      grid(base, "variants", VARIANTS, {}, densities),
    ]),
  ];
}

/** The same question of a network in which the signal keeps its size. */
function normalisedGrid(seedCount: number): RunGrid {
  return {
    name: NORMALISED_GRID,
    settings: {
      ...{ model: "resnet20", dataset: "glyphs", trainCount: 2000, testCount: 1000 },
      ...{ epochs: 8, batchSize: 32 },
    },
    list: NORMALISED.map((word) => ({ ...settingsOf(word), density: 0.02 })),
    seedCount,
  };
}

/** Methods side by side under one recipe, each with the same check. */
export interface Situation {
  readonly kind: "base" | "sized" | "scaled" | "other check" | "rate" | "time" | "normalised";
  readonly what: string;
  readonly grid: string;
  /** The grid of `accuracy` that this one differs from in what it is called after. */
  readonly base: string;
  /** The suffix of the method's name. */
  readonly check: string;
  readonly density: number;
  /** Learning rate, where it is the question. */
  readonly rate?: number;
}

/** That of `accuracy` first. */
export function situations(scale: Scale): [Situation, ...Situation[]] {
  const { density, checks, rates, baseRate, longEpochs, normalised } = SIZES[scale];
  const [first, ...repeated] = baseGrids(scale);
  const both = ["", SIZED[0]!];
  const words = (...parts: string[]) => parts.filter(Boolean).join(", ");
  const plain = { base: first.name, density };
  return [
    { kind: "base", what: "as in accuracy", grid: first.name, check: "", ...plain, rate: baseRate },
    ...checks.map((check) => ({
      ...{ kind: kindOf(check), what: check.slice(1), grid: gridName(first, "checks"), check, ...plain },
      ...(check === SIZED[0] && { rate: baseRate }),
    })),
    ...rates.flatMap((rate) =>
      both.map((check) => ({
        ...{ kind: "rate" as const, what: words(`rate ${rate}`, check.slice(1)) },
        ...{ grid: gridName(first, `rate-${rate}`), check, ...plain, rate },
      })),
    ),
    ...(longEpochs === undefined ? [] : both).map((check) => ({
      ...{ kind: "time" as const, what: words(`${longEpochs} epochs`, check.slice(1)) },
      ...{ grid: gridName(first, "long"), check, ...plain },
    })),
    ...(normalised === undefined ? [] : ["", "+shuffle"]).map((check) => ({
      ...{ kind: "normalised" as const, what: words("resnet20, batch normalisation", check.slice(1)) },
      ...{ grid: NORMALISED_GRID, base: NORMALISED_GRID, check, density: 0.02 },
    })),
    ...repeated.flatMap((base) =>
      ["", ...REPEATED].map((check) => ({
        ...{ kind: kindOf(check), what: words(`${base.settings.dataset}`, check.slice(1)) },
        ...{ grid: check === "" ? base.name : gridName(base, "checks"), base: base.name, check, density },
      })),
    ),
  ];
}

function kindOf(check: string): Situation["kind"] {
  if (check === "") return "base";
  return SIZED.includes(check) ? "sized" : SCALED.includes(check) ? "scaled" : "other check";
}
