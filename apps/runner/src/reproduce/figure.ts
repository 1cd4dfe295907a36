import type { Figure, FigureRow } from "@phew/report";
import type { Findings } from "./experiment.ts";

/** A figure of rows, named and titled; none where there is nothing to see. @param shared what all rows have in common */
export function figure(
  name: string,
  title: string,
  draw: Figure,
  rows: readonly FigureRow[],
  shared?: string,
): Findings["figures"] {
  const spec = draw(rows, shared);
  return spec === undefined ? [] : [{ name: `figure-${name}`, title, spec }];
}
