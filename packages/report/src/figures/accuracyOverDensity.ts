/** Test accuracy over the density: a line for each method, the dense network's accuracy across. */
import { accuracyName, isDense } from "./figureRow.ts";
import { type Figure, overDensity } from "./frame.ts";
import { intervalWords, percentages } from "./summary.ts";

export const accuracyOverDensity: Figure = (rows, shared) => {
  const percent = (of: typeof rows) => percentages(of, ({ accuracy }) => accuracy);
  const points = percent(rows.filter((row) => !isDense(row)));
  const dense = percent(rows.filter(isDense));
  return overDensity(rows, points, {
    text: "Accuracy over density",
    what: `${accuracyName(rows)}: ${intervalWords([...points, ...dense])}`,
    y: { title: "test accuracy (%)", scale: { zero: false, nice: true } },
    across: dense,
    shared,
  });
};
