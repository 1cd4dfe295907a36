/** What a figure draws in one colour: the runs of one configuration, whatever their density. */
import { formatPercent } from "@phew/core/messages";
import { type Configurations, configurationsOf } from "@phew/runs/configurations";
import { byMethodOrder, seriesColours } from "./palette.ts";
import type { ReportedRun } from "./report.ts";

const LINE_LENGTH = 100;
const BETWEEN = " · ";

export function seriesOf(runs: readonly ReportedRun[]): Configurations<ReportedRun> {
  return configurationsOf(runs, { over: ["density"] });
}

export function densityText({ config }: ReportedRun): string {
  return typeof config.density === "number" ? formatPercent(config.density, 4) : "–";
}

/** The colours of the series that are drawn: a method that stands for one series has its own in every figure. */
export function seriesColour(
  series: Configurations<ReportedRun>,
  drawn: readonly { readonly series: string }[],
) {
  const names = new Set(drawn.map((each) => each.series));
  const told = series.all.map(({ name, runs: [run] }) => ({ name, method: `${run!.config.method ?? ""}` }));
  const colours = seriesColours(told.map(({ method }) => method));
  const shown = told
    .map((each, k) => ({ ...each, colour: colours[k]! }))
    .filter(({ name }) => names.has(name))
    .sort((a, b) => byMethodOrder(a.method, b.method));
  return {
    field: "series",
    type: "nominal",
    title: shown.every(({ name, method }) => name === method) ? "method" : "configuration",
    scale: { domain: shown.map(({ name }) => name), range: shown.map(({ colour }) => colour) },
  };
}

/** What a figure shows, and what all runs share, in lines that fit below its title. */
export function subtitles(runs: readonly ReportedRun[], text: string): string[] {
  const lines = [text];
  const parts = configurationsOf(runs).shared.split(BETWEEN).filter(Boolean);
  for (const [k, part] of parts.entries()) {
    const line = `${lines.at(-1)}${BETWEEN}${part}`;
    if (k === 0 || line.length > LINE_LENGTH) lines.push(part);
    else lines[lines.length - 1] = line;
  }
  return lines;
}
