/** Path kernel trace over the density: geometric means, on a logarithmic axis. The dense network's is 1. */
import { isDense } from "./figureRow.ts";
import { decades, type Figure, overDensity } from "./frame.ts";
import { intervalWords, leftOutWords, summaries } from "./summary.ts";

export const traceOverDensity: Figure = (rows, shared) => {
  const masks = rows.filter((row) => !isDense(row));
  const points = summaries(masks, ({ logRelativeTrace }) => logRelativeTrace);
  const cut = masks.filter(({ logRelativeTrace }) => logRelativeTrace === Number.NEGATIVE_INFINITY);
  return overDensity(rows, points, {
    text: "Path kernel trace over density",
    what: `over the dense network's trace: ${intervalWords(points, "geometric mean")}${leftOutWords(cut.length)}`,
    y: {
      title: "trace / dense (logarithmic)",
      ...decades([0, ...points.flatMap(({ low, high }) => [low, high])]),
    },
    shared,
  });
};
