/** `metrics.csv`: one row an epoch. No times in it: a run made again has the same bytes. */
import type { EpochPoint } from "./reduce.ts";
import { formatTable } from "./table.ts";

/** Fractions, not percentages; `rate` is the learning rate. */
const COLUMNS = ["epoch", "loss", "accuracy", "test_loss", "test_accuracy", "rate"] as const;

export function metricsCsv(epochs: readonly EpochPoint[]): string {
  const rows = epochs.map((point) => ({
    epoch: point.epoch,
    loss: point.loss,
    accuracy: point.accuracy,
    test_loss: point.testLoss,
    test_accuracy: point.testAccuracy,
    rate: point.rate,
  }));
  return formatTable(
    COLUMNS.map((key) => ({ key, title: key })),
    rows,
    "csv",
  );
}
