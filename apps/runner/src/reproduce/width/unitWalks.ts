/**
 * Walks through the units of PHEW's networks against what equal units would have: of W walks, of which a share v passes
 * a layer of N units, W·v / N each on average with a standard deviation of √(W·v / N), and none with a probability of
 * exp(−W·v / N).
 */
import {
  completeOptions,
  formatPercent,
  initialise,
  ownInitialisation,
  prune,
  prunerByName,
  unitWalks,
  zooModel,
} from "@phew/core";
import type { Row } from "@phew/report/table";
import { grouped } from "@phew/runs";
import type { Claim, Findings, Measurement } from "../experiment.ts";
import { claimOf } from "../judge.ts";
import { meanAndInterval } from "../tables.ts";

export interface WalkCase {
  /** Name of the zoo. */
  readonly model: string;
  readonly densities: readonly number[];
  readonly seedCount: number;
}

export interface UnitWalksRow {
  readonly key: string;
  readonly model: string;
  readonly density: number;
  readonly seed: number;
  readonly walks: number;
  /** For each layer: its number of units; of the walks through a unit W·v / N, their mean and standard deviation. */
  readonly units: readonly number[];
  readonly expected: readonly number[];
  readonly means: readonly number[];
  readonly deviations: readonly number[];
  /** Units that no walk passed. */
  readonly missed: readonly number[];
}

export function unitWalksMeasurement(cases: readonly WalkCase[]): Measurement<UnitWalksRow> {
  return {
    name: "unit-walks",
    shape: {
      ...{ key: "text", model: "text", density: "number", seed: "number", walks: "number" },
      ...{
        units: "numbers",
        expected: "numbers",
        means: "numbers",
        deviations: "numbers",
        missed: "numbers",
      },
    },
    keys: cases.flatMap(({ model, densities, seedCount }) =>
      densities.flatMap((density) =>
        Array.from({ length: seedCount }, (_, seed) => `${model} ${density} ${seed}`),
      ),
    ),
    async measure(key, signal) {
      const [model, ...numbers] = key.split(" ") as [string, string, string];
      const [density, seed] = numbers.map(Number) as [number, number];
      const network = zooModel(model);
      const weights = await initialise(network, { seed, initialisation: ownInitialisation(network) });
      const { walkCount } = await prune(network, weights, { method: "phew", density, seed, signal });
      const phew = prunerByName("phew");
      const options = phew.walks!({ seed, options: completeOptions(phew, {}) });
      const { layers } = await unitWalks(network, weights, options, walkCount!, signal);
      return {
        ...{ key, model, density, seed, walks: walkCount! },
        units: layers.map(({ unitCount }) => unitCount),
        expected: layers.map(({ expected }) => expected),
        means: layers.map(({ mean }) => mean),
        deviations: layers.map(({ standardDeviation }) => standardDeviation),
        missed: layers.map(({ missedCount }) => missedCount),
      };
    },
  };
}

/** Largest deviations from the expected numbers: a fraction of W·v / N, and a fraction of the units. */
const NEAR_MEAN = 0.05;
const NEAR_SHARE = 0.01;

export function unitWalksFindings(
  rows: readonly UnitWalksRow[],
): Pick<Findings, "tables"> & { claims: Claim[] } {
  const groups = grouped(rows, ({ model, density }) => `${model}, ${formatPercent(density)}`);
  return {
    claims: [walksClaim(groups)],
    tables: groups.map((own) => {
      const [{ model, density }] = own as [UnitWalksRow];
      return {
        name: `unit-walks-${model}-${density}`,
        title: `Walks through a unit of ${model} at ${formatPercent(density)}`,
        report: { columns: COLUMNS, rows: layerRows(own) },
      };
    }),
  };
}

function walksClaim(groups: readonly (readonly UnitWalksRow[])[]): Claim {
  const claim =
    "Of W walks, W / N pass each unit of a layer of N units, so that a share of exp(−W / N) of them is missed.";
  const findings = groups.map((own) => {
    const { model, density } = own[0]!;
    // over the seeds: at a fork the walks of one seed are shared by chance
    const layers = own[0]!.units.map((_, l) => {
      const [means, expected] = [
        sum(own.map((row) => row.means[l]!)),
        sum(own.map((row) => row.expected[l]!)),
      ];
      const spreads = own.map((row) => row.deviations[l]! / Math.sqrt(row.expected[l]!));
      return { distance: Math.abs(means / expected - 1), spread: sum(spreads) / own.length };
    });
    const distance = Math.max(...layers.map((layer) => layer.distance));
    const units = sum(own.flatMap((row) => row.units));
    const missed = sum(own.flatMap((row) => row.missed)) / units;
    const foreseen = sum(own.flatMap(foreseenMissed)) / units;
    const spread = sum(layers.map((layer) => layer.spread)) / layers.length;
    const is = distance < NEAR_MEAN && Math.abs(missed - foreseen) < NEAR_SHARE;
    const words = `${model}, ${formatPercent(density)}: ${percentText(missed)} of units missed, ${percentText(foreseen)} expected, walks a unit of a layer at most ${percentText(distance)} off, their spread over units ${spread.toFixed(1)} times that of equal ones`;
    return { is, words };
  });
  return claimOf(claim, findings);
}

/** Shares that no one counts are no numbers with exponents. */
const percentText = (share: number) =>
  share > 0 && share < 1e-5 ? "less than 0.001 %" : formatPercent(share);

const foreseenMissed = ({ units, expected }: UnitWalksRow) =>
  units.map((count, l) => count * Math.exp(-expected[l]!));

const COLUMNS = [
  { key: "layer", title: "layer" },
  { key: "units", title: "units" },
  { key: "expected", title: "W·v / N" },
  { key: "mean", title: "walks a unit" },
  { key: "spread", title: "deviation / √(W·v / N)" },
  { key: "foreseen", title: "expected to be missed" },
  { key: "missed", title: "missed" },
];

function layerRows(rows: readonly UnitWalksRow[]): Row[] {
  return rows[0]!.units.map((units, l) => {
    const of = (value: (row: UnitWalksRow) => number) => meanAndInterval(rows.map(value), 2);
    return {
      ...{ layer: l + 1, units },
      expected: of((row) => row.expected[l]!),
      mean: of((row) => row.means[l]!),
      spread: of((row) => row.deviations[l]! / Math.sqrt(row.expected[l]!)),
      foreseen: of((row) => foreseenMissed(row)[l]!),
      missed: of((row) => row.missed[l]!),
    };
  });
}

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
