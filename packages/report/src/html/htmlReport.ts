/** A report of runs as one page that needs nothing beside it: no script, no font, no picture from elsewhere. */
import { counted } from "@phew/core/messages";
import { accuracyWords, blockText, markupText, type RunEnvironment, type RunRecord } from "@phew/runs";
import { configurationsOf } from "@phew/runs/configurations";
import { chartInNarrowPage, chartInPage } from "../chart.ts";
import { runFigureRows } from "../figures/runRows.ts";
import { figuresOf } from "../figures/writeFigures.ts";
import { compareRuns } from "../report.ts";
import { resultsTable } from "../results.ts";
import { htmlTable } from "../table.ts";
import { configurationSection } from "./configurationSection.ts";
import { darkRules } from "./darkColours.ts";
import { environmentSection } from "./environmentSection.ts";
import { pageStyle } from "./style.ts";
import { type UnfinishedRun, unfinishedSection } from "./unfinishedSection.ts";

export interface HtmlReport {
  readonly runs: readonly RunRecord[];
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

interface Section {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

/** The document. The same runs give the same bytes. */
export async function htmlReport(report: HtmlReport): Promise<string> {
  const { runs } = report;
  const experiments = [...new Set(runs.map(({ experiment }) => experiment))].sort();
  const title = `${experiments.slice(0, 4).join(", ")}${experiments.length > 4 ? ", …" : ""}: report of ${counted(runs.length, "run")}`;
  const figures = report.figures ? await drawnFigures(runs) : [];
  const sections = [
    ...resultSections(report),
    unfinishedSection(report.unfinished ?? []),
    { id: "figures", title: "Figures", html: figures.map(({ html }) => html).join("\n") },
    configurationSection(runs),
    environmentSection(report.environments),
    againSection(report),
    notesSection(report.notes),
  ].filter(({ html }) => html !== "");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${markupText(title)}</title>
<style>
${pageStyle(darkRules(figures.map(({ html }) => html)))}
</style>
</head>
<body>
<header>
<h1>${markupText(title)}</h1>
${paragraph(configurationsOf(runs).shared)}
${paragraph(periodOf(runs), "faint")}
${navigation(sections)}
</header>
<main>
${sections.map(({ id, title: own, html }) => `<section id="${id}">\n<h2>${own}</h2>\n${html}\n</section>`).join("\n")}
</main>
</body>
</html>
`;
}

function navigation(sections: readonly Section[]): string {
  const links = sections.map(({ id, title }) => `<li><a href="#${id}">${title}</a></li>`);
  return `<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>`;
}

function paragraph(text: string, name?: string): string {
  return text === "" ? "" : `<p${name === undefined ? "" : ` class="${name}"`}>${markupText(text)}</p>`;
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
function resultSections({ runs, targetAccuracy }: HtmlReport): Section[] {
  const results = resultsTable(runs);
  const table = compareRuns(runs, { targetAccuracy });
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

async function drawnFigures(runs: readonly RunRecord[]): Promise<{ readonly html: string }[]> {
  const drawn: { html: string }[] = [];
  for (const { name, spec } of figuresOf(runFigureRows(runs))) {
    const { text, subtitle } = spec.title as { readonly text: string; readonly subtitle: readonly string[] };
    const label = ` role="img" aria-label="${markupText(`${text}: ${subtitle[0]}`)}"`;
    const labelled = (svg: string) => svg.replace("<svg", `<svg${label}`);
    drawn.push({
      html: `<figure id="${name}">
<figcaption><h3>${markupText(text)}</h3>${paragraph(subtitle.join(" · "))}</figcaption>
<div class="wide desk" tabindex="0">${labelled(await chartInPage(spec))}</div>
<div class="phone">${labelled(await chartInNarrowPage(spec))}</div>
</figure>`,
    });
  }
  return drawn;
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

function notesSection(notes: readonly string[]): Section {
  const items = notes.map((note) => `<li>${markupText(note)}</li>`);
  return {
    id: "notes",
    title: "Notes",
    html: items.length === 0 ? "" : `<ul class="plain">\n${items.join("\n")}\n</ul>`,
  };
}
