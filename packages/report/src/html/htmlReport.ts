/** A report of runs as one page that needs nothing beside it: no script, no font, no picture from elsewhere. */
import { counted } from "@phew/core/messages";
import { accuracyWords, blockText, markupText, type RunEnvironment, type RunRecord } from "@phew/runs";
import { type ConfiguredRun, configurationsOf } from "@phew/runs/configurations";
import { runFigureRows } from "../figures/runRows.ts";
import { figuresOf } from "../figures/writeFigures.ts";
import { compareRuns } from "../report.ts";
import { resultsTable } from "../results.ts";
import { htmlTable } from "../table.ts";
import { configurationSection } from "./configurationSection.ts";
import { drawnFigure } from "./drawnFigure.ts";
import { environmentSection } from "./environmentSection.ts";
import { htmlPage, listOf, paragraph, type Section } from "./page.ts";
import { type UnfinishedRun, unfinishedSection } from "./unfinishedSection.ts";

export interface HtmlReport {
  readonly runs: readonly RunRecord[];
  /** All runs there are, those of the report among them: names tell those of the report apart from them too. */
  readonly among?: readonly ConfiguredRun[];
  /** Fraction, see {@link compareRuns}. */
  readonly targetAccuracy: number;
  /** Where each of the runs was carried out, in all environments; empty where it is unknown. */
  readonly environments: readonly (readonly RunEnvironment[])[];
  /** Sweep files that make the runs again, with the command for each. */
  readonly sweeps: readonly { readonly command: string; readonly file: string }[];
  /** The command of each run, in a shell's words; undefined where there is none. */
  readonly commands: readonly (string | undefined)[];
  /** False: tables alone. */
  readonly figures: boolean;
  /** Runs that were not finished, and why. */
  readonly unfinished?: readonly UnfinishedRun[];
  /** Notes for the reader: runs that were left out, warnings. */
  readonly notes: readonly string[];
}

/** The document. The same runs give the same bytes. */
export async function htmlReport(report: HtmlReport): Promise<string> {
  const { runs, among = [] } = report;
  const experiments = [...new Set(runs.map(({ experiment }) => experiment))].sort();
  const title = `${experiments.slice(0, 4).join(", ")}${experiments.length > 4 ? ", …" : ""}: report of ${counted(runs.length, "run")}`;
  const figures = report.figures ? figuresOf(runFigureRows(runs, among)) : [];
  const drawn: string[] = [];
  for (const { name, spec } of figures) drawn.push(await drawnFigure(name, spec));
  const sections = [
    ...resultSections(report),
    unfinishedSection(report.unfinished ?? []),
    { id: "figures", title: "Figures", html: drawn.join("\n") },
    configurationSection(runs, among),
    environmentSection(report.environments),
    againSection(report),
    { id: "notes", title: "Notes", html: listOf(report.notes) },
  ].filter(({ html }) => html !== "");
  return htmlPage({
    title,
    intro: [paragraph(configurationsOf(runs, { among }).shared), paragraph(periodOf(runs), "faint")],
    sections,
  });
}

function periodOf(runs: readonly RunRecord[]): string {
  const begun = runs.map(({ state }) => state.startedT).filter((t) => t > 0);
  if (begun.length === 0) return "";
  const ended = runs.map(({ state }) => state.lastT);
  const least = begun.reduce((a, b) => Math.min(a, b));
  const most = ended.reduce((a, b) => Math.max(a, b), 0);
  return `carried out from ${moment(least)} to ${moment(most)}`;
}

/** In a time that is the same everywhere. */
function moment(t: number): string {
  const date = new Date(t);
  return Number.isNaN(date.getTime()) ? "–" : `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Means over seeds where there are several, and a row for each run. */
function resultSections({ runs, targetAccuracy, among = [] }: HtmlReport): Section[] {
  const results = resultsTable(runs, among);
  const table = compareRuns(runs, { targetAccuracy, among });
  const hasMeans = results.rows.length < runs.length;
  const means = `<p class="note">Means over seeds; “± 95 %” is half of the 95 % confidence interval of the mean (Student's t), “std” the standard deviation (n − 1). Test accuracy: ${accuracyWords(runs)}.</p>`;
  return [
    {
      id: "results",
      title: "Results",
      html: hasMeans ? `${means}\n${htmlTable(results.columns, results.rows)}` : "",
    },
    { id: "runs", title: "Runs", html: htmlTable(table.columns, table.rows) },
  ];
}

function againSection({ runs, sweeps, commands }: HtmlReport): Section {
  const whole = sweeps.map(
    ({ command, file }) =>
      `<p>All by <code>${markupText(command)}</code>, with this file:</p>\n<pre tabindex="0">${markupText(file)}</pre>`,
  );
  const single = commands.flatMap((command, k) =>
    command === undefined ? [] : [`# ${runs[k]!.id}\n${blockText(command)}`],
  );
  const list =
    single.length === 0
      ? ""
      : `<details${single.length <= 12 ? " open" : ""}><summary>${single.length === 1 ? "The command" : "A command for each run"}</summary>\n<pre tabindex="0">${markupText(single.join("\n"))}</pre></details>`;
  return { id: "again", title: "Made again", html: [...whole, list].filter(Boolean).join("\n") };
}
