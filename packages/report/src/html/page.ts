/** A page that needs nothing beside it: no script, no font, no picture from elsewhere. */
import { markupText } from "@phew/runs";
import { darkRules } from "./darkColours.ts";
import { pageStyle } from "./style.ts";

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly html: string;
}

export interface Page {
  readonly title: string;
  /** Paragraphs below the title, as HTML. */
  readonly intro: readonly string[];
  /** With a link to each. */
  readonly sections: readonly Section[];
}

export function htmlPage({ title, intro, sections }: Page): string {
  const links = sections.map(({ id, title: own }) => `<li><a href="#${id}">${markupText(own)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${markupText(title)}</title>
<style>
${pageStyle(darkRules(sections.map(({ html }) => html)))}
</style>
</head>
<body>
<header>
<h1>${markupText(title)}</h1>
${intro.join("\n")}
<nav aria-label="Sections"><ul>${links.join("")}</ul></nav>
</header>
<main>
${sections.map(({ id, title: own, html }) => `<section id="${id}">\n<h2>${markupText(own)}</h2>\n${html}\n</section>`).join("\n")}
</main>
</body>
</html>
`;
}

/** A paragraph of plain text; empty where there is none. @param name its class */
export function paragraph(text: string, name?: string): string {
  return text === "" ? "" : `<p${name === undefined ? "" : ` class="${name}"`}>${markupText(text)}</p>`;
}

export function listOf(texts: readonly string[]): string {
  const items = texts.map((text) => `<li>${markupText(text)}</li>`);
  return items.length === 0 ? "" : `<ul class="plain">\n${items.join("\n")}\n</ul>`;
}
