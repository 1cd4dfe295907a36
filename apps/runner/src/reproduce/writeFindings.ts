/** Writes the findings of an experiment: `verdicts.md`, each table as CSV and Markdown, each figure as SVG and PNG. */
import path from "node:path";
import { formatTable, writeChart } from "@phew/report";
import { replaceFile } from "@phew/runs";
import { version } from "../version.ts";
import type { Experiment, Findings, Scale } from "./experiment.ts";
import { describe, judge, type Verdict } from "./judge.ts";

/** @returns the verdicts, and the paths of the files */
export async function writeFindings(
  folder: string,
  { name, question }: Experiment,
  scale: Scale,
  findings: Findings,
  source: string,
): Promise<{ verdicts: Verdict[]; files: string[] }> {
  const verdicts = judge(findings);
  const tables = findings.tables.flatMap(({ name: own, report }) => {
    const file = path.join(folder, `table-${own}.csv`);
    replaceFile(file, formatTable(report.columns, report.rows, "csv"));
    return file;
  });
  const figures: string[] = [];
  for (const { name: own, spec } of findings.figures)
    figures.push(...(await writeChart(path.join(folder, own), spec)));
  for (const { name: own, svg } of findings.drawings ?? []) {
    const file = path.join(folder, `${own}.svg`);
    replaceFile(file, svg);
    figures.push(file);
  }
  const page = path.join(folder, "verdicts.md");
  replaceFile(page, markdown(name, question, scale, findings, verdicts, source));
  const document = path.join(folder, "verdicts.json");
  replaceFile(
    document,
    `${JSON.stringify({ experiment: name, scale, version, source, verdicts, notes: findings.notes }, undefined, 2)}\n`,
  );
  return { verdicts, files: [page, document, ...tables, ...figures] };
}

const DECISION_LENGTH = "does not hold".length;

/** A line for each claim. */
export function lines(verdicts: readonly Verdict[]): string[] {
  return verdicts.map(
    ({ claim, decision, because }) => `${decision.padEnd(DECISION_LENGTH)}  ${claim} (${because})`,
  );
}

function markdown(
  name: string,
  question: string,
  scale: Scale,
  { tables, figures, drawings = [], notes }: Findings,
  verdicts: readonly Verdict[],
  source: string,
): string {
  const command = `phew reproduce ${name} --scale ${scale}`;
  return [
    `# ${name}: ${question}`,
    "",
    `\`${command}\`, phew ${version}; ${source}. Intervals are 95 %; p-values have Holm's correction over all comparisons of the experiment; seeds are paired.`,
    "",
    "| claim | verdict | why |",
    "| --- | --- | --- |",
    ...verdicts.map(({ claim, decision, because }) => `| ${claim} | **${decision}** | ${because} |`),
    "",
    ...verdicts.flatMap(({ claim, evidence }) =>
      evidence.length === 0 ? [] : [`## ${claim}`, "", ...evidence.map((one) => `- ${describe(one)}`), ""],
    ),
    ...[...figures, ...drawings].flatMap(({ name: own, title }) => [
      `![${title}](${own}.svg)`,
      `*\`${command}\`; ${source}*`,
      "",
    ]),
    ...tables.flatMap(({ title, report }) => [
      `## ${title}`,
      "",
      formatTable(report.columns, report.rows, "markdown"),
    ]),
    ...notes.map((note) => `- ${note}`),
    "",
  ].join("\n");
}
