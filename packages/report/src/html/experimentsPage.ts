/** What experiments found, as one page: all claims with their verdicts, then each experiment's evidence and figures. */
import { markupText } from "@phew/runs";
import type { ChartSpec } from "../chart.ts";
import type { Report } from "../report.ts";
import { htmlTable } from "../table.ts";
import { drawnFigure } from "./drawnFigure.ts";
import { htmlPage, listOf, paragraph, type Section } from "./page.ts";

export interface ExperimentFindings {
  /** An identifier, as part of links: letters, digits, `-`. */
  readonly name: string;
  readonly question: string;
  /** Makes the measurements. */
  readonly command: string;
  /** Seeds and commits. */
  readonly source: string;
  readonly claims: readonly {
    readonly claim: string;
    readonly decision: string;
    readonly because: string;
    readonly evidence: readonly string[];
  }[];
  readonly figures: readonly { readonly name: string; readonly spec: ChartSpec }[];
  readonly drawings: readonly { readonly name: string; readonly title: string; readonly svg: string }[];
  readonly tables: readonly { readonly title: string; readonly report: Report }[];
  readonly notes: readonly string[];
}

/** Longer tables are closed at first. */
const OPEN_ROW_COUNT = 30;

/** The document. The same findings give the same bytes. @param title of the page @param figures false: no pictures */
export async function experimentsPage(
  title: string,
  experiments: readonly ExperimentFindings[],
  figures: boolean,
): Promise<string> {
  const sections: Section[] = [{ id: "claims", title: "Claims", html: claimsTable(experiments) }];
  for (const one of experiments)
    sections.push({ id: one.name, title: one.name, html: await experimentHtml(one, figures) });
  return htmlPage({
    title,
    intro: [
      paragraph(
        "Seeds are paired: all methods have the same initial weights and order of examples. Intervals are 95 %; p-values have Holm's correction over all comparisons of an experiment.",
        "faint",
      ),
    ],
    sections,
  });
}

function claimsTable(experiments: readonly ExperimentFindings[]): string {
  const columns = ["experiment", "verdict", "claim", "why"].map((key) => ({ key, title: key }));
  const rows = experiments.flatMap(({ name: experiment, claims }) =>
    claims.map(({ claim, decision: verdict, because: why }) => ({ experiment, claim, verdict, why })),
  );
  return `<div class="claims">${htmlTable(columns, rows)}</div>`;
}

async function experimentHtml(experiment: ExperimentFindings, figures: boolean): Promise<string> {
  const { name, question, command, source, claims, drawings, tables, notes } = experiment;
  const made = `${command} · ${source}`;
  const drawn: string[] = [];
  for (const figure of figures ? experiment.figures : [])
    drawn.push(await drawnFigure(`${name}-${figure.name}`, figure.spec, made));
  for (const { name: own, title, svg } of figures ? drawings : []) {
    drawn.push(
      `<figure id="${name}-${own}">\n<figcaption><h3>${markupText(title)}</h3></figcaption>\n<div class="wide" tabindex="0">${svg}</div>\n${paragraph(made, "note")}\n</figure>`,
    );
  }
  return [
    paragraph(question),
    `<p><code>${markupText(command)}</code> · ${markupText(source)}</p>`,
    ...claims.map(
      ({ claim, decision, because, evidence }) =>
        `<details><summary><strong>${markupText(decision)}</strong>: ${markupText(claim)}</summary>\n${paragraph(because, "note")}\n${listOf(evidence)}</details>`,
    ),
    ...drawn,
    ...tables.map(
      ({ title, report: { columns, rows } }) =>
        `<details${rows.length > OPEN_ROW_COUNT ? "" : " open"}><summary>${markupText(title)}</summary>\n${htmlTable(columns, rows)}</details>`,
    ),
    listOf(notes),
  ]
    .filter(Boolean)
    .join("\n");
}
