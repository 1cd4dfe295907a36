/** `phew report` on a folder of `phew reproduce`: the verdicts of its experiments as a table or as one page. */
import { type ExperimentFindings, experimentsPage, type Report } from "@phew/report";
import { sourceOf } from "./commits.ts";
import { SCALES } from "./experiment.ts";
import type { FindingsFolder } from "./findingsFolders.ts";
import { describe, judge } from "./judge.ts";
import { readMeasured } from "./readMeasured.ts";
import { experiments } from "./registry.ts";

/** Those of known experiments, in the order of the experiments. */
export function knownFolders(folders: readonly FindingsFolder[]): FindingsFolder[] {
  const order = [...experiments.keys()];
  const rank = ({ experiment, scale }: FindingsFolder) =>
    SCALES.indexOf(scale) * order.length + order.indexOf(experiment);
  return folders.filter(({ experiment }) => experiments.has(experiment)).sort((a, b) => rank(a) - rank(b));
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
