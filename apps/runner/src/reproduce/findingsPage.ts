/** `phew report` on a folder of `phew reproduce`: the verdicts of its experiments as a table or as one page. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { type ExperimentFindings, experimentsPage, type Report } from "@phew/report";
import { sourceOf } from "./commits.ts";
import { SCALES, type Scale } from "./experiment.ts";
import { describe, judge } from "./judge.ts";
import { readMeasured } from "./readMeasured.ts";
import { experiments } from "./registry.ts";

/** The folder of an experiment's tables, verdicts among them. */
export interface FindingsFolder {
  readonly experiment: string;
  readonly scale: Scale;
  readonly parent: string;
}

/** Folders of experiments that have verdicts: the folder itself, or those in it, in the order of the experiments. */
export function findingsFolders(folder: string): FindingsFolder[] {
  const own = folderOf(path.resolve(folder));
  if (own !== undefined) return [own];
  const found = namesIn(folder).flatMap((name) => folderOf(path.resolve(folder, name)) ?? []);
  const order = [...experiments.keys()];
  const rank = ({ experiment, scale }: FindingsFolder) =>
    SCALES.indexOf(scale) * order.length + order.indexOf(experiment);
  return found.sort((a, b) => rank(a) - rank(b));
}

function folderOf(folder: string): FindingsFolder | undefined {
  const name = path.basename(folder);
  const scale = SCALES.find((one) => name.endsWith(`-${one}`));
  if (scale === undefined) return undefined;
  const experiment = name.slice(0, -scale.length - 1);
  const isOne = experiments.has(experiment) && namesIn(folder).includes("verdicts.json");
  return isOne ? { experiment, scale, parent: path.dirname(folder) } : undefined;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Judged again from the tables. @throws ArgumentError if a table is of another version */
export function findingsOf({ experiment: name, scale, parent }: FindingsFolder): ExperimentFindings {
  const experiment = experiments.get(name)!;
  const measured = readMeasured(experiment, scale, parent);
  const { drawings = [], ...findings } = experiment.analyse(measured, scale);
  return {
    ...{ name: `${name}-${scale}`, question: experiment.question, drawings },
    command: `phew reproduce ${name} --scale ${scale}`,
    source: sourceOf(experiment, scale, measured),
    claims: judge(findings).map(({ evidence, ...claim }) => ({ ...claim, evidence: evidence.map(describe) })),
    ...{ figures: findings.figures, tables: findings.tables, notes: findings.notes },
  };
}

export function verdictTable(all: readonly ExperimentFindings[]): Report {
  const columns = ["experiment", "verdict", "claim", "why"].map((key) => ({ key, title: key }));
  const rows = all.flatMap(({ name: experiment, claims }) =>
    claims.map(({ claim, decision: verdict, because: why }) => ({ experiment, verdict, claim, why })),
  );
  return { columns, rows, shared: "" };
}

export const findingsPage = (all: readonly ExperimentFindings[], figures: boolean) =>
  experimentsPage("PHEW's experiments and their verdicts", all, figures);
