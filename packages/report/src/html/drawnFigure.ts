/** A chart in a page, drawn for wide and for narrow screens. */
import { markupText } from "@phew/runs";
import { type ChartSpec, chartInNarrowPage, chartInPage } from "../chart.ts";
import { paragraph } from "./page.ts";

/** @param id of the figure @param source how it was made; below the chart */
export async function drawnFigure(id: string, spec: ChartSpec, source = ""): Promise<string> {
  const { text, subtitle } = spec.title as { readonly text: string; readonly subtitle: readonly string[] };
  const label = ` role="img" aria-label="${markupText(`${text}: ${subtitle[0]}`)}"`;
  const labelled = (svg: string) => svg.replace("<svg", `<svg${label}`);
  return `<figure id="${id}">
<figcaption><h3>${markupText(text)}</h3>${paragraph(subtitle.join(" · "))}</figcaption>
<div class="wide desk" tabindex="0">${labelled(await chartInPage(spec))}</div>
<div class="phone">${labelled(await chartInNarrowPage(spec))}</div>${source === "" ? "" : `\n${paragraph(source, "note")}`}
</figure>`;
}
